# src/guard/neighbours.c, test_neighbours: the default of all interfaces counts
s/if (interface != 0 \&\& /if (/
