# src/queue/queue.c: more workers than allowed
s/} else if (queue->active_workers < queue->settings.max_workers) {/} else {/
