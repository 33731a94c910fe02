# src/guard/limiter.c, test_limiter: services share their limits
s/limiter->service << 8/0u << 8/
