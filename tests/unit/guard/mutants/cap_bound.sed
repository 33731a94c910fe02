# src/guard/cap.c, test_cap: a credit that is too large begins at 0 again
s/(credit < CAP_CREDIT_MAX ? credit : CAP_CREDIT_MAX)/credit/
