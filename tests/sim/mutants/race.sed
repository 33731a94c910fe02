# src/engine/worker_run.c: a worker reads the key only after it looked
/^static enum worker_result step_or_wait/,/^}/{/^\tkey = /d;s/eventcount_wait(&demand->work, key, -1)/sys_yield(), eventcount_wait(\&demand->work, eventcount_key(\&demand->work), -1)/}
