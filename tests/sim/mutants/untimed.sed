# src/engine/socket.c: the age in the kernel does not count
s/\*ret_arrived_ns = arrivals->monotonic_ns - (.*;/*ret_arrived_ns = arrivals->monotonic_ns;/
