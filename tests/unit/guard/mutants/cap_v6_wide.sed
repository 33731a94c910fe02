# src/guard/cap.c, test_cap: networks of IPv6 are /47
s/sin6_addr) >> 16;/sin6_addr) >> 17;/
