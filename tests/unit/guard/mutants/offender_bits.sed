# src/guard/offenders.c, test_offenders: each offence is of another one
s/each->count > 0 \&\& prefix_same(\&each->prefix, prefix)/false/
