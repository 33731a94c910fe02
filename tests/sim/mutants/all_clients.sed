# src/queue/backlog.c: all are taken at once, though each client's go one at a time
s/if (backlog->rules.per_client || backlog->unsorted.count/if (backlog->unsorted.count/
