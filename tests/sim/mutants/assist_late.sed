# src/queue/queue.c: a receiver that got nothing tells nobody
s/queue->helpers_late = result == QUEUE_EMPTY && queue->backlog.count > 0;/queue->helpers_late = false;/
