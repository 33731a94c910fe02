# src/core/backlog.c: the newest of the longest flow makes room
s/in_lengths)->jobs.next);/in_lengths)->jobs.previous);/
