# src/guard/limiter.c, test_limiter: nothing over the limit passes
s/return dice_hit(dice, rules->numbers.leak) || admit_over/return admit_over/
