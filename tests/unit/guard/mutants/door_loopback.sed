# src/guard/door.c, test_door: the loopback has a cap
s/ || addr_is_loopback(departure->to))/)/
