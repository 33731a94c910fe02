# src/guard/guard.c, test_guard: the lowest port that may ask may not
s/if (port < atomic_load/if (port <= atomic_load/
