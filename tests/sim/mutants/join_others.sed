# src/pipeline/reply_join.c: replies to two clients of one address are joined
s/a->socket == b->socket && addr_port(&a->client) == addr_port(&b->client) &&/a->socket == b->socket \&\&/
s/ ^ addr_port(client) \* 0x85ebca6bu//
