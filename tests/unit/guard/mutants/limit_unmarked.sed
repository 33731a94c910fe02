# src/guard/limiter.c, test_limiter: what is over the limit does not go last
s/(over || charge(&account, LIMITER_REQUESTS, 1, now)) &&/!over \&\& charge(\&account, LIMITER_REQUESTS, 1, now) \&\&/
