# src/guard/guard.c, test_guard: what claims to be from our own socket is let in
s/guard->is_own(guard->context, &datagram->client)/false/
