/* The owner's attention to what arrives: it sleeps while nothing does, and who brings something then wakes it.
 *
 * The owner falls asleep before it looks for the last time whether something has come, and who brings something calls
 * after that can be seen: so either the owner sees it, or it is called. */
#ifndef CORE_ATTENTION_H
#define CORE_ATTENTION_H

#include <stdatomic.h>
#include <stdbool.h>

struct attention {
	atomic_bool asleep;
	int fd; /* an eventfd, which is readable once it was called */
};

#endif
