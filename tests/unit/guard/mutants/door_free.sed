# src/guard/door.c, test_door: loopback is not free
s/return addr_is_loopback(peer) ||/return/
