# src/guard/netlink.c, test_netlink: a message has what it is too short for
s/return message->nlmsg_len >= NLMSG_HDRLEN + bytes ?/return message->nlmsg_len >= NLMSG_HDRLEN ?/
