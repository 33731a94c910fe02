# src/guard/loops.c, test_loops: replies are not remembered
/remember(loops, fingerprint(/d
