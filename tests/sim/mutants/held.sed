# src/queue/backlog.c: what waits of a client is held after one of it has been finished
s/if (place_of(backlog, flow) != flow->place)/if (place_of(backlog, flow) != flow->place \&\& flow->waiting == 0)/
