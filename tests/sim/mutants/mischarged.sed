# src/queue/flow.c: what was taken with all is corrected, as if it had been charged
s/charge(table, flow, job->service_ns);/charge(table, flow, job->service_ns - job->charged_ns);/
