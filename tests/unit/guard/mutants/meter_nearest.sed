# src/guard/meters.c, test_meters: who is farthest over the limit makes room
s/if (its != tag \&\& full_at >= nearest_at)/if (its != tag \&\& full_at <= nearest_at)/
