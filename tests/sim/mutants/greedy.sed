# src/queue/queue.c: more workers than allowed
/^static bool pop_locked/,/^}/s/queue->active_workers < queue->settings.max_workers/true/
