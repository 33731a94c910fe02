# src/engine/socket.c: the age in the kernel does not count
s/clock_pair_arrival_ns(clocks, timestamp_ns);/clocks->monotonic_ns;/
