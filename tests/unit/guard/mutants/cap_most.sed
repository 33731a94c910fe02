# src/guard/cap.c, test_cap: an allowance is of 4,000 bytes
s/CAP_ALLOWANCE_BYTES/4000/g
