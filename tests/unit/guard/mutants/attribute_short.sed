# src/guard/netlink.c, test_netlink: an attribute shorter than its head is walked over
s/attribute.rta_len < sizeof(attribute) ||/attribute.rta_len == 0 ||/
