# src/engine/worker.c: a service that nobody works for counts as held
/^static void let_go/,/^}/s/^\tatomic_fetch_sub(&service->holders, 1);$//
