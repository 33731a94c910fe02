# src/guard/access.c, test_access: a prefix begins behind its first address
s/count += at\[i\] <= number;/count += at[i] < number;/
