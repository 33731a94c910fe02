# src/guard/loops.c, test_loops: all sources count together
s/&loops->repeats\[hash % LOOPS_SOURCES\]/\&loops->repeats[hash \& 0]/
