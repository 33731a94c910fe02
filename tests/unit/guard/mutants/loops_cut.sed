# src/guard/loops.c, test_loops: what is not there of a datagram counts
s/datagram->truncated ? 0 : datagram->length/datagram->length/
