# src/guard/offenders.c, test_offenders: who comes new has done what was done before
s/least->error = least->count;/least->error = 0;/
