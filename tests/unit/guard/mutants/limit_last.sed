# src/guard/limiter.c, test_limiter: the request that uses up the limit does not go last
s/used_up |= /used_up \&= /
