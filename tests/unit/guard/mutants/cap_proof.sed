# src/guard/cap.c, test_cap: a proof lifts nothing
s/if (lacking > 0 \&\& is_proven(cap, service, to))/if (false)/
