# src/engine/receiver.c: inline, nothing grows old
s|job->expires_ns = job->arrived_ns + wait_ns;|job->expires_ns = INT64_MAX;|
