# src/guard/guard.c, test_guard: who replaces a table waits for nobody
/^void guard_settle/,/^}/s/lock_[a-z]*(&guard->lock);/;/
