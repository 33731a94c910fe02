# src/guard/limiter.c, test_limiter: nobody is exempt
s/ || exempts(rules, \&datagram->client))/)/
