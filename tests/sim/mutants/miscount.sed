# src/engine/reply.c: a short send counts as a whole one
s/count_replies(batch, first, first + (unsigned)sent);/count_replies(batch, first, end);/
