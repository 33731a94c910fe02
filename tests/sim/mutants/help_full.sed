# src/core/queue.c: nobody is called for a full queue that helpers would soon be through
s/2 \* queue->backlog.count > queue->shape.capacity ||$/false ||/
