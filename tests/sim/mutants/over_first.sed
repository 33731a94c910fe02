# src/queue/backlog.c: requests over the limits do not go last
s/flow->aside = over;/flow->aside = false;/
