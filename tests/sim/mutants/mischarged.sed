# src/queue/flow.c: what was taken with all is corrected, as if it had been charged
s/flow_charge(table, flow, ns);/flow_charge(table, flow, ns - job->charged_ns);/
