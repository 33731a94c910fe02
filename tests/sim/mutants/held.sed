# src/queue/backlog.c: what waits of a client is held after one of it has been finished
s/if (state_of(backlog, flow) != flow->state)/if (state_of(backlog, flow) != flow->state \&\& flow->waiting == 0)/
