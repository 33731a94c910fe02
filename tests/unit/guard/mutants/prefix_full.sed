# src/guard/prefixes.c, test_prefixes: a full set takes one more
s/prefixes->count == PREFIXES_MAX)/prefixes->count > PREFIXES_MAX)/
