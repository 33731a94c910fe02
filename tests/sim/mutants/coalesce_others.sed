# src/engine/reply.c: replies to two clients of one address are coalesced
s/ | (uint64_t)client->in.sin_port << 16//
