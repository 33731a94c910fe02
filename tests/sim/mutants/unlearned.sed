# src/engine/reply.c: what cannot be joined is tried again and again
s/^\tbatch->join_bytes_max = join_bytes_max;$//
