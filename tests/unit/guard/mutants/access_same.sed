# src/guard/access.c, test_access: a rule that repeats another counts as one inside
s/^		if (sweep.depth > 0 \&\& prefix_same(.*$/		if (false)/
