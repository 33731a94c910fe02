# src/queue/backlog.c: the drawn one is next, though one of its client runs
s/if (drawn != NULL \&\& !is_ready(backlog, drawn->flow))/if (false)/
