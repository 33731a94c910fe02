# src/engine/worker.c: the wake-up is no more pending only after looking
/^static struct service \*pop_any/,/^}/{s/look(shared);/atomic_load(\&shared->demand.needed);/;s/^\t*return .*$/sys_yield(), look(shared);\n&/}
