# src/engine/reply.c: replies are coalesced whatever their lengths
s/message->length != length || message->room == 0/message->room == 0/
