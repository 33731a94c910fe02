# src/guard/netlink.c, test_netlink: a receive that a signal interrupts fails
s/} while (length < 0 \&\& errno == EINTR);/} while (false);/
