# src/queue/queue.c: receivers that help hold more than is allowed
/^bool queue_assist/,/^}/s/found = pop_locked(.*;/queue->settings.max_workers++, found = pop_locked(queue, now_ns, ret_batch), queue->settings.max_workers--;/
