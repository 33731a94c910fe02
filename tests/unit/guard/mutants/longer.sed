# src/guard/netlink.c, test_netlink: a message that does not fit is read beyond the buffer
s/if ((size_t)length > sizeof(netlink->buffer))/if (false)/
