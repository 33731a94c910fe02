# src/engine/arrivals.c: timestamps are not switched on again while the socket is never empty
s/if (arrivals->unseen_ns > error_ns)/if (false)/
