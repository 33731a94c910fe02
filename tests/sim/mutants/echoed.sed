# src/guard/guard.c: what claims to come from one of our own sockets is served
s/guard->is_own(guard->context, &datagram->client)/false/
