# src/engine/worker.c: the time for which answers waited does not count
s/sent_ns = now_ns = sys_monotonic_ns();/sent_ns = now_ns;/
