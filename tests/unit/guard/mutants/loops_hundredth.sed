# src/guard/loops.c, test_loops: above 100 one in 20 is dropped
s/{ 100, 100 }/{ 100, 20 }/
