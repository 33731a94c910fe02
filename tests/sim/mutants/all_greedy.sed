# src/queue/queue_pop.c: a worker takes all, be it more than its share
s/if (share < queue->backlog.count || /if (/
