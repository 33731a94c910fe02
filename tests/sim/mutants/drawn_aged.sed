# src/queue/recent.c: an aged datagram is drawn
s/datagram->arrived_ns >= since_ns/since_ns != 0/
