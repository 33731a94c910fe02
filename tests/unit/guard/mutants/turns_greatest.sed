# src/guard/turns.c, test_turns: the greatest number counts what fills a line
s/ || number == UINT64_MAX)/)/
