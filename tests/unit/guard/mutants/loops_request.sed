# src/guard/loops.c, test_loops: requests that were answered are not remembered
/remember(loops, request->fingerprint, now_ms);/d
