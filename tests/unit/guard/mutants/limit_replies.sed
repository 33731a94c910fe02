# src/guard/limiter.c, test_limiter: the bytes of replies have no limit
s/ || any_is_over(limiter, &bytes, 0, now);/;/
