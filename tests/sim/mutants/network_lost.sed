# src/queue/flow.c: a flow that is ready again is not listed in its network
s/relisted \&\& state == FLOW_READY)/relisted \&\& state == FLOW_READY \&\& flow->state != FLOW_ASIDE)/
