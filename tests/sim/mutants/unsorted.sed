# src/queue/backlog.c: what makes room is chosen without what has not been sorted
/^struct datagram \*backlog_victim/,/^}/s/^\tbacklog_sort(backlog, now_ns);$//
