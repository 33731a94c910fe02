# src/guard/limiter.c, test_limiter: a dry run drops
s/^	return rules->numbers.dry_run != 0;/	return false;/
