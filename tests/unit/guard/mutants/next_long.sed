# src/guard/netlink.c, test_netlink: a message that ends behind what came is read
s/message->nlmsg_len > length - \*at)/false)/
