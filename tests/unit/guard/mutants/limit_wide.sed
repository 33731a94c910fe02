# src/guard/limiter.c, test_limiter: only the address itself has a limit
s/account.count = source->count;/account.count = 1;/
