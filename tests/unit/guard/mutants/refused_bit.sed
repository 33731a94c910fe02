# src/guard/refused_ports.c, test_guard: a port that is refused takes others along
s/(uint64_t)1 << ports\[i\] % 64/(uint64_t)3 << ports[i] % 63/
