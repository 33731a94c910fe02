# src/guard/guard.c, test_guard: what arrived at the last moment is not owed
s/<= guard->owed_until_ns/< guard->owed_until_ns/
