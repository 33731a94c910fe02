# src/queue/queue_wanted.c: nobody is called for a full queue that helpers would soon be through
s/queue->backlog.count > queue->shape.capacity \/ 2;/false;/
