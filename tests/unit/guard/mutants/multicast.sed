# src/guard/guard.c, test_guard: a multicast is called a broadcast
s/DROP_BROADCAST : DROP_MULTICAST/DROP_BROADCAST : DROP_BROADCAST/
