# src/engine/worker.c: a worker that leaves some calls no other
s/if (share.more || share.jobs.count == 0 || /if (share.jobs.count == 0 || /
