# src/guard/meters.c, test_meters: who has found a meter charges it, whoever has it by now
s/bool held = found != NULL && .*;/bool held = found != NULL;/
