# src/guard/prefixes.c, test_prefixes: a prefix inside another ends it
s/else if (compare_keys(\&ranges\[i\].last, \&ranges\[kept - 1\].last) > 0)/else/
