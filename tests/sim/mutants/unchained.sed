# src/engine/worker.c: a worker that leaves some, or another service's, calls no other
/^enum worker_result worker_step/,/^}/s/^\tworker_wake(.*$//
