# src/guard/loops.c, test_loops: above 1,000 one in 20 is dropped
s/{ 1000, 10 }/{ 1000, 20 }/
