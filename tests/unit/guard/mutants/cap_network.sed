# src/guard/cap.c, test_cap: each address has an allowance
s/hash_of(cap, service, to, 24, 48)/hash_of(cap, service, to, 32, 128)/
