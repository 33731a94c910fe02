# src/guard/netlink.c, test_netlink: a message shorter than its header is walked over
s/message->nlmsg_len < sizeof(\*message) ||/message->nlmsg_len == 0 ||/
