# src/engine/worker.c: jobs are run although the server aborts
s|if (atomic_load_explicit(aborting, memory_order_relaxed))|if (false)|
