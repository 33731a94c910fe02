# src/guard/own_addresses.c, test_own_addresses: before they are known no address is ours
s/held = own->known == NULL || /held = own->known != NULL \&\& /
