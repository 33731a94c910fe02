# src/engine/worker.c: a worker that leaves some calls no other
s/if (batch.more || batch.jobs.count == 0 || /if (batch.jobs.count == 0 || /
