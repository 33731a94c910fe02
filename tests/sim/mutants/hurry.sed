# src/engine/worker_serve.c: jobs are run although the server is in a hurry
s/if (atomic_load_explicit(&worker->shared->hurry, memory_order_relaxed))/if (false)/
