# src/queue/queue_pop.c: a receiver that got nothing tells nobody
s/queue->left = answer == QUEUE_EMPTY && queue->backlog.count > 0;/queue->left = false;/
