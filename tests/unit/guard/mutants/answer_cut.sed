# src/guard/netlink.c, test_own_addresses: a message that is cut ends the list
s/return result == 0 \&\& \*more \&\& at < length ? -EBADMSG : result;/return result;/
