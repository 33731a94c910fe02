# src/guard/netlink.c, test_netlink: the length of an attribute has its head, too
s/\*ret_length = attribute.rta_len - RTA_LENGTH(0);/*ret_length = attribute.rta_len;/
