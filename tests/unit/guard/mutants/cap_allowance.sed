# src/guard/cap.c, test_cap: there is no allowance
s/if (bytes > CAP_ALLOWANCE_BYTES - used)/if (true)/
