# src/engine/reply.c: the rest of a short send is not sent
s/first += (unsigned)sent;/first = end;/
