# src/guard/access.c, test_access: a prefix that ends where another begins is left too soon
s/prefix_address_compare(next->first, prefix->last) <= 0)/prefix_address_compare(next->first, prefix->last) < 0)/
