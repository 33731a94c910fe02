# src/engine/reply.c: an older message to the client takes the reply
s/uint64_t route, unsigned newest)/uint64_t route, unsigned newest, size_t length)/
s|find_message(batch, request, route, \*newest)|find_message(batch, request, route, *newest, length)|
s/if (message->route == route/if (message->length == length \&\& message->route == route/
