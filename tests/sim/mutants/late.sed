# src/engine/worker.c: the time for which answers waited does not count
s/now_ns = sys_monotonic_ns(); .. because that may have waited ../;/
