# src/guard/access.c, test_access: a table is freed with its first user
s/--access->users == 0)/true)/
