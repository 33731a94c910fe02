# src/guard/guard.h, test_guard: nobody looks whether it was cut
s/pass->looks_closer | datagram->truncated |/pass->looks_closer |/
