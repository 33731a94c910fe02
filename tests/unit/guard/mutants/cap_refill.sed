# src/guard/cap.c, test_cap: the allowance comes back at half the rate
s/(NS_PER_S \/ CAP_REFILL_BYTES_PER_S)/(2 * NS_PER_S \/ CAP_REFILL_BYTES_PER_S)/
