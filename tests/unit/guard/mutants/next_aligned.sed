# src/guard/netlink.c, test_netlink: the next message begins where this one ends
s/\*at += NLMSG_ALIGN(message->nlmsg_len);/*at += message->nlmsg_len;/
