# src/guard/door.c, test_door: replies are not told to the guard against loops
s/^	if (loops != NULL)$/	if (false)/
