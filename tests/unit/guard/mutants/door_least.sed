# src/guard/door.c, test_door: the least factor is none
s/if (reply_factor > 0 \&\& parts == 0)/if (false)/
