# src/guard/guard.c, test_guard: ports that are refused are let in
s/^		return DROP_SOURCE_PORT_REFUSED;/		;/
