# src/guard/netlink.c, test_netlink: the flags of an attribute are part of its type
s/(attribute.rta_type \& NLA_TYPE_MASK) != type/attribute.rta_type != type/
