# src/guard/refused_ports.c, test_guard: ports that were refused are so for ever
s/atomic_store(&refused->words\[i\], words\[i\]);/atomic_fetch_or(\&refused->words[i], words[i]);/
