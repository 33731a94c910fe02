# src/guard/cap.c, test_cap: a proof holds for an IPv4 network
s/scramble(hash ^ addr->in.sin_addr.s_addr ^ cap->keys\[2\])/scramble(hash ^ cap->keys[2])/
