# src/queue/queue.c: nobody is called for what may run since one of its client was finished
/^void queue_finish/,/^}/s/^\tqueue->blocked = false;$//
