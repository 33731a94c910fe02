# src/guard/prefixes.c, test_prefixes: every address has a scope
s/address->sa.sa_family == AF_INET6 \&\& IN6_IS_ADDR_LINKLOCAL(\&address->in6.sin6_addr)/address->sa.sa_family == AF_INET6/
