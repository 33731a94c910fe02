# src/queue/queue.c: receivers that help hold more than is allowed
/^enum queue_result queue_assist/,/^}/s/result = pop_locked(.*;/queue->settings.max_workers++, result = pop_locked(queue, now_ns, ret_batch), queue->settings.max_workers--;/
