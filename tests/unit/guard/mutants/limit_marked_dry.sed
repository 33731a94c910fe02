# src/guard/limiter.c, test_limiter: in a dry run it goes last, too
s/ && !is_dry_run(limiter))$/)/
