# src/guard/loops.c, test_loops: what was sent is remembered for two seconds
s/^#define MEMORY_MS 1000u$/#define MEMORY_MS 2000u/
