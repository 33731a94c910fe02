# src/engine/reply.c: what cannot be coalesced on a path is tried again and again
s/^\t\tlower_path_limit(.*;$/\t\t;/
