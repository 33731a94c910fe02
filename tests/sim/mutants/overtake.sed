# src/core/backlog.c: a finished client goes on before its turn may come
s/freed = backlog->rules.per_client && flow->waiting > 0;/freed = false;/
