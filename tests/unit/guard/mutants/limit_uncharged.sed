# src/guard/limiter.c, test_limiter: requests are not charged
s/meter_charge(meters\[i\], now, request_cost(rules, \&source, i));/;/
