# src/engine/worker.c: a worker sleeps without looking again
/eventcount_prepare/{n;s/did = worker_step(worker);/did = WORKER_IDLE;/}
