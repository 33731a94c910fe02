# src/guard/limiter.c, test_limiter: all of a link are one
s/^		source.levels = 1;$/		;/
