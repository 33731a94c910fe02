# src/guard/guard.c, test_guard: what was sent to many machines is never let in
s/ \&\& !guard->serves_many)/)/
