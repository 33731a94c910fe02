# src/queue/queue.c: receivers help with a handler that is slow
s/queue->service_peak_ns <= ASSIST_PEAK_NS;/true;/
