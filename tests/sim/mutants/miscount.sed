# src/pipeline/reply.c: a short send counts as a whole one
s/results->replied += (unsigned)sent;/results->replied += end - first + (unsigned)sent;/
