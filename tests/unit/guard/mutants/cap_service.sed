# src/guard/cap.c, test_cap: services share their accounts
s/uint64_t word = (uint64_t)service << 56;/uint64_t word = 0;/
