# src/guard/loops.c, test_loops: the last step does not count
s/^	return mix(sum, last, factor);$/	return sum;/
