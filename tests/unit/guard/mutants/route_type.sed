# src/guard/netlink.c, test_notices: each route is one of ours
s/return route->rtm_type == RTN_LOCAL || route->rtm_type == RTN_ANYCAST ? route : NULL;/return route;/
