# src/guard/door.c, test_door: an exempt client may have anybody flooded
s/peer == &request->client && request->standing/request->standing/
