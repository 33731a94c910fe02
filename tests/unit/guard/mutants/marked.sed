# src/guard/own_addresses.c, test_own_addresses: a default route for what a firewall marks makes all ours
s/if (route == NULL || is_for_marked(message, route))/if (route == NULL)/
