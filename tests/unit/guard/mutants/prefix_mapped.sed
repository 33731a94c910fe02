# src/guard/prefixes.c, test_prefixes: a v4-mapped address is another one
s/key.address\[10\] = key.address\[11\] = 0xff;/key.address[10] = 0xff;/
