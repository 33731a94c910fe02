# src/queue/backlog.c: the newest of the longest flow makes room
s/in_flow(longest->jobs.next)/in_flow(longest->jobs.previous)/
