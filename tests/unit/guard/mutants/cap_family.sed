# src/guard/cap.c, test_cap: networks of both families are one
s/word |= (uint64_t)1 << 48 | prefix_word/word |= prefix_word/
