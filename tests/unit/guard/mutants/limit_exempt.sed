# src/guard/limiter.c, test_limiter: nobody is exempt
s/^\t\tdatagram->standing == DATAGRAM_EXEMPT)/\t\tfalse)/
