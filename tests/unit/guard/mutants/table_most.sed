# src/guard/neighbours.c, test_neighbours: the last interface decides
s/ \&\& queue_bytes > limits->queue_bytes)/)/
