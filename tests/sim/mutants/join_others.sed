# src/engine/reply_join.c: replies to two clients of one address are joined
s/ | (uint64_t)client->in.sin_port << 16//
