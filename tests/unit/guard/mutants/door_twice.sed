# src/guard/door.c, test_door: a request counts for each of its replies
s/ \&\& !departure->counted)/)/
