# src/guard/loops.c, test_loops: what was sent a second ago is forgotten
s/now_ms - (uint32_t)entry <= MEMORY_MS/now_ms - (uint32_t)entry < MEMORY_MS/
