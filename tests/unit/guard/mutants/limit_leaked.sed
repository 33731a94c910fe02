# src/guard/limiter.c, test_limiter: the replies to what leaks are charged
s/datagram->metered = !over && /datagram->metered = /
