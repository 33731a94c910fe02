# src/guard/cap.c, test_cap: another network's credit is used
s/(account.tag == tag ? account.credit : 0)/account.credit/
