/* The standard descriptors. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/* Open those of 0, 1 and 2 that are closed, on /dev/null: they would become a socket's, and get what
 * is printed. -errno. Thread: the main one, before all else. */
int descriptors_open_standard(void);

#endif
