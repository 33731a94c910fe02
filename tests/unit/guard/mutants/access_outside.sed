# src/guard/access.c, test_access: what no prefix has is judged by no rule
s/return access->outside != (turns % 2 != 0);/return turns % 2 != 0;/
