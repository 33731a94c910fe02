# src/engine/receiver.c: workers are not called
/^static void push_batch/,/^}/s/^\tworker_wake(.*$//
