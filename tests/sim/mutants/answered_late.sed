# src/engine/worker.c: the wake-up is no more pending only after looking
/^static struct service \*pop_any/,/^}/{s/^\tatomic_store(&shared->demand.wakeup_pending.*$//;s/^\t*return .*$/sys_monotonic_ns(), atomic_store(\&shared->demand.wakeup_pending, false);\n&/}
