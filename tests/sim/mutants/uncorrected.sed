# src/queue/backlog.c: a flow is charged the mean, whatever it took
s/correction_ns = datagram->service_ns - datagram->charged_ns;/correction_ns = 0;/
