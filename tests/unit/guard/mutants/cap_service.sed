# src/guard/cap.c, test_cap: services share their allowance
s/(uint64_t)service << 1 | v4/v4/
