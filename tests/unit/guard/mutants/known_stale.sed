# src/guard/own_addresses.c, test_own_addresses: a list that failed is believed
s/publish(own, error == 0 ? spare : NULL);/publish(own, spare);/
