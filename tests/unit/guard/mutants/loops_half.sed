# src/guard/loops.c, test_loops: above 10,000 one in 3 is dropped
s/{ 10000, 2 }/{ 10000, 3 }/
