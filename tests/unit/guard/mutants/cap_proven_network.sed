# src/guard/cap.c, test_cap: one client proves for its whole network
s/hash_of(cap, service, client, 32, 128)/hash_of(cap, service, client, 24, 48)/
