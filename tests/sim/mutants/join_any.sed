# src/engine/reply_join.c: replies are joined whatever their lengths
s/message->length == length && message->room > 0/message->room > 0/
