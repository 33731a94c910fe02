# src/guard/access.c, test_access: behind a prefix the one around it holds no more
s/^			sweep->depth > 0 ? .* : sweep->outside);/			sweep->outside);/
