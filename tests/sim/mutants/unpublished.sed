# src/queue/queue.c: what a finish frees is not published
/^void queue_finish/,/^}/s/^\tupdate_demand(queue);$//
