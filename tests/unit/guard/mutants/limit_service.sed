# src/guard/limiter.c, test_limiter: services share their limits
s/rules->service << 16/0u << 16/
