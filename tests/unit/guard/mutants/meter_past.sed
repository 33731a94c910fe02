# src/guard/meters.c, test_meters: what was not used is saved
s/after = (before > now ? before : now) + cost;/after = before + cost;/
