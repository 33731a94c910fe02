# src/guard/cap.c, test_cap: any client is proven in the place of one
s/return proof >> 32 == hash >> 32 \&\&/return/
