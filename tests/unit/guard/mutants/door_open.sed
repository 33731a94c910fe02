# src/guard/door.c, test_door: what is over the cap leaves
s/return DROP_AMPLIFICATION;/return DOOR_PASS;/
