# src/engine/reply_join.c: an older message to the client is joined
s/uint64_t way, unsigned newest)/uint64_t way, unsigned newest, size_t length)/
s/find(batch, request, way, \*newest)/find(batch, request, way, *newest, length)/
s/if (message->way == way &&/if (message->length == length \&\& message->way == way \&\&/
