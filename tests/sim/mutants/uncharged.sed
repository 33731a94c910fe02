# src/queue/backlog.c: what was taken with all is never charged
s/^\t\tflow_charge_each(backlog->flows, jobs);$//
