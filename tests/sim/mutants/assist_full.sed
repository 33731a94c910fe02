# src/queue/queue.c: nobody is called for a full queue that helpers would soon be through
s/queue->backlog.count > queue->limits.capacity \/ 2;/false;/
