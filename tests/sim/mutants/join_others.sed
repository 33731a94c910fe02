# src/pipeline/reply_join.c: replies to two clients of one address are joined
s/addr_same(&a->client, &b->client)/addr_same_host(\&a->client, \&b->client)/
s/ ^ addr_port(client) \* 0x85ebca6bu//
