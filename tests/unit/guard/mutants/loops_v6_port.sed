# src/guard/loops.c, test_loops: all ports of an IPv6 address are one
s/uint64_t ends = source->sin6_port | /uint64_t ends = /
