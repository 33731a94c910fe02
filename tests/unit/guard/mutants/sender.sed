# src/guard/netlink.c, test_notices: what another process sends is believed
s/return from.nl_pid == 0 ? length : 0;/return length;/
