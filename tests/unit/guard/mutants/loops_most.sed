# src/guard/loops.c, test_loops: one in 2 is dropped above 5,000
s/{ 10000, 2 }/{ 5000, 2 }/
