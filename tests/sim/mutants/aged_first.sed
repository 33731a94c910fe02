# src/queue/backlog.c: aged flows do not make way
s/aged == AGED_FLOWS_MAX ||/true ||/
