/* The walk of one datagram: the functions that it passes, for `make walk`. */
#ifndef SIM_WALK_H
#define SIM_WALK_H

#include <stdbool.h>

/* Serve single datagrams as in requests.h, and print the functions that one of them enters, each as an
 * offset in this program and a depth. Nothing is printed unless the program was built for it
 * (VARIANT=walk). False: no such mode. */
bool walk_run(const char *mode);

#endif
