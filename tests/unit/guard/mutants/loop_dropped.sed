# src/guard/guard.c, test_guard: what loops is let in
s/^		return DROP_LOOP;$/		;/
