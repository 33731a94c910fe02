# src/queue/queue_wanted.c: receivers help with a handler that is slow
s/return queue->helped && queue->slow_ns <= HELP_SLOW_NS;/return queue->helped;/
