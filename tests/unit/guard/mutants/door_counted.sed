# src/guard/door.c, test_door: what came with a request counts again
s/ \&\& !departure->counted//
