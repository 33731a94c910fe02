# src/guard/loops.c, test_loops: what is remembered has no time
s/(uint64_t)print << 32 | now_ms,/(uint64_t)print << 32,/
