# src/engine/receiver.c: workers are not called
/^static void push_batch/,/^}/s/^\tdemand_wake(.*$//
