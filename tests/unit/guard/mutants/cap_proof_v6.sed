# src/guard/cap.c, test_cap: a proof holds for an IPv6 network
s/scramble(hash ^ whole.high) ^ whole.low ^/scramble(hash) ^/
