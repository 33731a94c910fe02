# src/guard/door.c, test_door: what one asks counts for another
s/departure->to == \&request->client \&\& !departure->counted/!departure->counted/
