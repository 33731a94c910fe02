# src/guard/guard.c: what was sent to many machines is served
s/if (datagram->cast != DATAGRAM_UNICAST && !guard->serves_many)/if (false)/
