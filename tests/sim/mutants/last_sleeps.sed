# src/engine/worker.c: a worker that was kept sleeps on when it is not kept any more
/^int64_t worker_idle_ns/,/^}/s/^\tleft_ns = .*$/\treturn -1;/
