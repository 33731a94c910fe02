# src/guard/guard.c, test_guard: the handler is asked before loops are looked for
/^	if (is_maybe_own/,/SOURCE_SELF;/d; s/^	return GUARD_ADMIT;/	if (is_maybe_own(guard, port) \&\& guard->is_own(guard->context, \&datagram->client))\n		return DROP_SOURCE_SELF;\n&/
