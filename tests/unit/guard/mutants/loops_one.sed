# src/guard/loops.c, test_loops: only the last of a reception may be a repeat
s/any |= is_remembered/any = is_remembered/
