# src/guard/cap.c, test_cap: a time that is over counts
s/tick - now <= most ? tick - now : 0/tick - now/
