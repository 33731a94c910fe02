# src/guard/loops.c, test_loops: repeats of earlier seconds count
s/if (entry >> 32 != second)/if (entry == 0)/
