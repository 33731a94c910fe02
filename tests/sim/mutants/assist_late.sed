# src/queue/queue.c: a receiver that got nothing tells nobody
s/queue->helpers_late = !found && queue->backlog.count > 0;/queue->helpers_late = false;/
