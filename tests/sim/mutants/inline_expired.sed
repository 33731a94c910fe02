# src/engine/receiver.c: inline, nothing grows old
s/job->expires_ns = max_wait_ns > 0 .*$/job->expires_ns = INT64_MAX;/
