# src/queue/backlog.c: the drawn one is next, though its source is over its limits
s/drawn->flow->aside || //
