# src/queue/backlog.c: nobody is called for what may run since one of its client was finished
s/return backlog->rules.per_client && flow->waiting > 0;/return false;/
