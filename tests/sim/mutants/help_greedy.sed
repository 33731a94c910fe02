# src/queue/queue_pop.c: receivers that help hold more than is allowed
/^enum queue_answer queue_help/,/^}/s/answer = pop(.*;/queue->settings.max_workers++, answer = pop(queue, now_ns, ret_share), queue->settings.max_workers--;/
