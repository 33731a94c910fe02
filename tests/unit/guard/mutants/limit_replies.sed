# src/guard/limiter.c, test_limiter: the bytes of replies have no limit
/any_is_over(&account, LIMITER_REPLY_BYTES, 0, now)/s/any_is_over(.*)/false/
