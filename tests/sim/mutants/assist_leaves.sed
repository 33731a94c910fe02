# src/engine/worker.c: a receiver that helped calls nobody for what it leaves
/^enum worker_result worker_assist/,/^}/s/^\tworker_wake(.*$//
