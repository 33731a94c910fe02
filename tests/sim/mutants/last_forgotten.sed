# src/engine/worker.c: the last free worker is kept only for what waits now
/^static void let_go/,/^}/s/^\tatomic_store(&service->held_ns.*$//
