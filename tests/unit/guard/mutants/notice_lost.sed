# src/guard/notices.c, test_notices: lost notices told nothing
s/changed |= length < 0 ? ALL :/changed |= length < 0 ? 0 :/
