# src/queue/queue.c: what is expired is never dropped from the queue
s/oldest->expires_ns <= now_ns)$/false)/
