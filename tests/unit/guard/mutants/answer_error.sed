# src/guard/netlink.c, test_netlink: an answer that is an error is an empty one
s/\*error < 0 ? \*error : 0;/*error < 0 ? 0 : 0;/
