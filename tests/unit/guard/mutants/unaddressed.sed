# src/guard/guard.c, test_guard: what was sent to an unknown address is let in
s/if (datagram->cast == DATAGRAM_UNADDRESSED)/if (false)/
