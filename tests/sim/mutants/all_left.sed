# src/queue/backlog.c: all are taken but those that were sorted before
s/ || backlog->unsorted.count < backlog->count)/)/
