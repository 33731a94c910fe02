# src/guard/refused_ports.c, test_guard: only the ports of the first list are refused
s/atomic_store(\&refused->words\[i\], words\[i\]);/;/
