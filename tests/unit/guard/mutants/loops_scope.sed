# src/guard/loops.c, test_loops: a link-local address is one on all links
s/ | (uint64_t)source->sin6_scope_id << 32;/;/
