# src/queue/queue.c: a service needs a worker although all was taken
/^static bool pop_locked/,/^}/s/^\tupdate_demand(queue);$//
