# src/guard/access.c, test_access: IPv6 prefixes longer than 64 bits are looked for among all
s/lower = count_up_to(access->v6_high, count, address.high - 1);/;/
