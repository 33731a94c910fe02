# src/engine/worker.c: the wake-up is no more pending only after looking
/^static struct service \*pop_any/,/^}/{s/demand_look(&shared->demand);/atomic_load(\&shared->demand.needed);/;s/^\t*return .*$/(void)demand_look(\&shared->demand);\n&/}
