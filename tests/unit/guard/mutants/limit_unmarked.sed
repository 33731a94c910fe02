# src/guard/limiter.c, test_limiter: what is over the limit does not go last
s/(over || charge(limiter, &requests, 1, now)) &&/!over \&\& charge(limiter, \&requests, 1, now) \&\&/
