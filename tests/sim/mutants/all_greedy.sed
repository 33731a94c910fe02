# src/queue/queue.c: a worker takes all, be it more than its share
s/if (count < queue->backlog.count || /if (/
