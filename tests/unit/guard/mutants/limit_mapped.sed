# src/guard/limiter.c, test_limiter: an IPv4 address that is written as IPv6 is another one
s/if (prefix_address_is_v4(source.address)) {/if (false) {/
