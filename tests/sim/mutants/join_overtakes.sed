# src/pipeline/reply_join.c: an older message to the client is joined
s/if (same_way(batch->sockets, batch->messages\[i - 1\].request, request))/if (batch->messages[i - 1].length == batch->replies[batch->count - 1].iov_len \&\& same_way(batch->sockets, batch->messages[i - 1].request, request))/
