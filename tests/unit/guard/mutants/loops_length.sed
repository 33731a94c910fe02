# src/guard/loops.c, test_loops: the length does not count
s/loops->keys.begin + length, other/loops->keys.begin, other/
