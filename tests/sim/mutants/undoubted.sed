# src/engine/arrivals.c: timestamps that the kernel made up are believed
s/arrivals->in_doubt_ns = on ? sys_monotonic_ns() : 0;/;/
