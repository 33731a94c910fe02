# src/engine/worker.c: a worker sleeps without looking again
/eventcount_key/{n;s/result = worker_step(worker);/result = WORKER_IDLE;/}
