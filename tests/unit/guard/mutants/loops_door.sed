# src/guard/door.c, test_door: without a cap the guard against loops is not told
s/parts > 0 || loops != NULL/parts > 0/
