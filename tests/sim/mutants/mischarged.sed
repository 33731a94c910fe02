# src/queue/flow.c: what was taken with all is corrected, as if it had been charged
s/int64_t ns = job->service_ns;/int64_t ns = job->service_ns - job->charged_ns;/
