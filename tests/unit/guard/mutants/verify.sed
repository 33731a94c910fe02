# src/guard/guard.c, test_guard: what the handler refuses is let in
s/guard->verify != NULL \&\& !guard->verify(guard->context, datagram)/false/
