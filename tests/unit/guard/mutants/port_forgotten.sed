# src/guard/guard.c, test_guard: only the last port is known
s/atomic_fetch_or(\&ports->bits, port_bit(port));/atomic_store(\&ports->bits, port_bit(port));/
