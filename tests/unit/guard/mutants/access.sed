# src/guard/guard.c, test_guard: whom the rules refuse is let in
s/^		return DROP_ACCESS;/		;/
