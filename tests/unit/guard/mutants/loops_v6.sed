# src/guard/loops.c, test_loops: all IPv6 addresses are one
s/return mix(fold(sum ^ ends, factor), source->sin6_addr.s6_addr, factor);/return fold(sum ^ ends, factor);/
