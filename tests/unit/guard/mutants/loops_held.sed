# src/guard/door.c, test_door: what is held back is told to the guard against loops
s/^	if (!is_within_cap(door, departure))$/	if (!is_within_cap(door, departure) \&\& loops == NULL)/
