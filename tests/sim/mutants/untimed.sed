# src/engine/socket_receive.c: the age in the kernel does not count
s/clock_pair_arrival_ns(&batch->clocks, timestamp_ns);/batch->clocks.monotonic_ns;/
