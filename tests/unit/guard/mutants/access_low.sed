# src/guard/access.c, test_access: the first address of a prefix is not in it
s/access->v6_low\[middle\] <= address.low/access->v6_low[middle] < address.low/
