# src/process/asked.c: nothing runs again
s/last |= certain/last |= true || certain/
