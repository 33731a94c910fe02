# src/guard/netlink.c, test_netlink: an answer to another question counts
s/if (message->nlmsg_seq != netlink->sequence)/if (false)/
