# src/guard/cap.c, test_cap: a proof holds for two minutes
s/(CAP_PROOF_S \* CAP_REFILL_BYTES_PER_S)/(120 * CAP_REFILL_BYTES_PER_S)/
