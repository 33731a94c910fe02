/* The life of one child, from its start to its burial: see children.h. Thread: owner. */
#ifndef PROCESS_LIFE_H
#define PROCESS_LIFE_H

#include "process/children.h"

/* Start it. -errno: there is no process. */
int life_begin(struct child *child);

/* It is ENDING: end of file and TERM, then KILL, unless it is dead by now. */
void life_end(struct child *child);

/* Without waiting. */
void life_kill(const struct child *child);

/* Bytes of memory that it has; 0: unknown. */
uint64_t life_rss_bytes(const struct child *child);

#endif
