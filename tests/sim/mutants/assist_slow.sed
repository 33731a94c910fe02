# src/queue/queue.c: receivers help with a handler that is slow
s/return queue->assisted && queue->service_peak_ns <= ASSIST_PEAK_NS;/return queue->assisted;/
