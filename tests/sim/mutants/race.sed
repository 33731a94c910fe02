# src/pipeline/worker.c: a worker sleeps without looking again
s/enum worker_did did = worker_step(worker);/enum worker_did did = WORKER_IDLE;/
