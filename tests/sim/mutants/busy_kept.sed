# src/engine/worker.c: nobody is called for what was freed while busy replies are sent
/^static void work_on/,/^}/s/^\t\tworker_wake(.*$//
