# src/guard/door.c, test_door: what came with a request that nothing was sent for is lost
/^void door_count/,/^}/s/if (factor > 0 /if (false /
