# src/process/asked.c: without rerun, too, all run again
s/last |= certain || .*;/last |= certain;/
