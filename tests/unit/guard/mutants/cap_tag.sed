# src/guard/cap.c, test_cap: networks share their credit
s/(account.tag == tag ? account.credit : 0)/account.credit/
