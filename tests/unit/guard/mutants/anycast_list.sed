# src/guard/own_addresses.c, test_own_addresses: IPv6 addresses are not asked for
s/^		{ .rtm_family = AF_INET6, .rtm_type = RTN_LOCAL },$//; s/^		{ .rtm_family = AF_INET6, .rtm_type = RTN_ANYCAST },$//
