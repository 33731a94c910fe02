# src/queue/backlog.c: the drawn one is next, though others were served less
s/flow_is_equal(backlog->flows, drawn->flow, flow, turn == BY_NETWORK)/true/
