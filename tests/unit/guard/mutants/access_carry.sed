# src/guard/access.c, test_access: a prefix that ends with the lower half has no end
s/behind.high += behind.low == 0;/;/
