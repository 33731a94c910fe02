# src/queue/backlog.c: stale flows do not make way
s/ || aside == STALE_MAX)/ || true)/
