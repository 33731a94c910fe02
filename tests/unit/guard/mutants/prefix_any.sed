# src/guard/prefixes.c, test_prefixes: a prefix on any link does not hold on each
s/^	if (holds_key(prefixes, \&key))$/	if (key.scope == 0 \&\& scope_of(address) == 0 \&\& holds_key(prefixes, \&key))/
