# src/engine/receiver.c: timestamps are not switched on again
s/bool on = error_ns == 0 .*$/bool on = !arrivals->off;/
