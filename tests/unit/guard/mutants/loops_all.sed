# src/guard/loops.c, test_loops: more bytes than the first 64 count
s/^#define HASHED_BYTES 64u$/#define HASHED_BYTES 80u/
