# src/guard/limiter.c, test_limiter: what is over the limit passes
/^static bool admit_over/,/^}/s/^		return false;/		return true;/
