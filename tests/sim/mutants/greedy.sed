# src/queue/queue_pop.c: more workers than allowed
s/} else if (queue->holders < queue->settings.max_workers) {/} else {/
