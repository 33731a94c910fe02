# src/guard/guard.c, test_guard: what is over a limit is let in
s/^		return DROP_LIMIT;/		;/
