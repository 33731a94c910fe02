# src/guard/own_addresses.c, test_own_addresses: a link-local address is ours on every link
s/address.in6.sin6_scope_id = interface == LOOPBACK_INTERFACE ? 0 : interface;/;/
