# src/queue/backlog.c: the newest of a client goes first
s/overload->overloaded \&\& !backlog->rules.per_client/overload->overloaded/
