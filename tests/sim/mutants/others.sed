# src/engine/worker.c: a worker does not call for services that it did not look at
s/ || others_wait(worker, service)))*$/)/
