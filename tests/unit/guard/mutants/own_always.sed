# src/guard/guard.c, test_guard: each source is compared with our sockets
s/return atomic_load_explicit(\&guard->ports->bits, memory_order_relaxed) \& port_bit(port);/return (guard != NULL) | port;/
