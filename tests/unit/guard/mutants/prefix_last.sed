# src/guard/prefixes.c, test_prefixes: a prefix does not end
s/return low > 0 \&\& compare_keys(.*;$/return low > 0;/
