# src/guard/limiter.c, test_limiter: a dry run drops
/^static bool admit_over/,/^}/s/^	return true;/	return false;/
