# src/guard/notices.c, test_notices: an interface that is gone takes no addresses along
s/^		return ALL;$/		return NOTICES_INTERFACES;/
