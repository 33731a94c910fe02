# src/engine/worker.c: the wake-up is no more pending only after looking
/^static enum worker_result pop_any/,/^}/{s/^\tatomic_store(&shared->wakeup_pending, false);//;s/^\t\t\treturn WORKER_WORKED;/\t\t\tatomic_store(\&shared->wakeup_pending, false);\n&/;s/^\treturn ended/\tatomic_store(\&shared->wakeup_pending, false);\n&/}
