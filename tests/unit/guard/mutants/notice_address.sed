# src/guard/notices.c, test_notices: a new address changes nothing
s/^	case RTM_NEWADDR:$/	case 9999:/
