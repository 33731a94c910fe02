# src/guard/guard.h, test_guard: the handler is not asked
s/guard->closed || guard->verify != NULL/guard->closed/
