/* What a handler that serves in dgram-child can ask of the kernel no more. Thread: main. */
#ifndef PROCESS_FILTER_H
#define PROCESS_FILTER_H

/* Have all threads of this process keep to what the C library needs after its start, for good. `word`: "off" does
 * nothing; with "enforce" other system calls fail with EPERM; with "log" they do, too, and the number of each is
 * written to standard error. -errno. */
int filter_load(const char *word);

#endif
