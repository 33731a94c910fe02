# src/engine/worker.c: a wake-up that is pending is forgotten
s/eventcount_notify(&demand->work, 1);/(void)0;/
