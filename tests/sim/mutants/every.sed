# src/queue/backlog.c: every second is the newest of all
s/#define NEWEST_EVERY .*/#define NEWEST_EVERY 2/
