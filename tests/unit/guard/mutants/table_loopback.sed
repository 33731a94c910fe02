# src/guard/neighbours.c, test_neighbours: the loopback counts
s/ \&\& interface != LOOPBACK \&\&/ \&\&/
