# src/guard/loops.c, test_loops: all ports of an IPv4 address are one
s/fold(sum ^ addr_word(source), factor)/fold(sum ^ source->in.sin_addr.s_addr, factor)/
