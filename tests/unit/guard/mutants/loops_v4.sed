# src/guard/loops.c, test_loops: all IPv4 addresses are one
s/fold(sum ^ addr_word(source), factor)/fold(sum ^ addr_port(source), factor)/
