# src/guard/netlink.c, test_netlink: any message is one about a route
s/(message->nlmsg_type != RTM_NEWROUTE \&\& message->nlmsg_type != RTM_DELROUTE)/false/
