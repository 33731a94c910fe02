# src/engine/worker.c: nobody is called for what was freed while busy replies are sent
/^static int64_t work_on/,/^}/s/^\t\tworker_wake(.*$//
