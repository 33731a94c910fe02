# src/queue/backlog.c: the newest of a client goes first
s/if (chosen != NULL \&\& backlog->rules.per_client)/if (false)/
