# src/guard/cap.c, test_cap: networks of IPv4 are /25
s/s_addr) >> 8;/s_addr) >> 7;/
