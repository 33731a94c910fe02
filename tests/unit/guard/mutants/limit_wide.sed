# src/guard/limiter.c, test_limiter: only the address itself has a limit
s/source.levels, source.count, /source.levels, 1, /
