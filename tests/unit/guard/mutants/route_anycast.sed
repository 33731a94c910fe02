# src/guard/netlink.c, test_notices: an anycast address is not ours
s/ || route->rtm_type == RTN_ANYCAST//
