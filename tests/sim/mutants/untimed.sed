# src/engine/socket.c: the age in the kernel does not count
s/datagram->arrived_ns -= .*;/;/
