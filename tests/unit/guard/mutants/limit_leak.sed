# src/guard/limiter.c, test_limiter: nothing over the limit passes
/^	       dice_hit(dice, .*) ||$/d
