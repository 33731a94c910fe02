# src/queue/backlog.c: two of a client run at once
s/return flow->waiting > 0 && !(.*$/return flow->waiting > 0;/
