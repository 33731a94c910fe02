# src/guard/cap.c, test_cap: a proof holds for a whole network
s/^	uint64_t hash = hash_client(/	uint64_t hash = hash_network(/
