# src/engine/reply.c: what cannot be coalesced is tried again and again
s/^\t\tbatch->gso_bytes_max = gso_bytes_max;$/\t\t;/
