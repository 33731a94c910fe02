# src/guard/limiter.c, test_limiter: services share their limits
s/limiter->service << 16/0u << 16/
