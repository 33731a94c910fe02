# src/queue/backlog.c: the drawn one is next, though one of its client runs
s/ || !is_ready(backlog, drawn->flow))/)/
