/* What the rules of queues and pool are worth: goodput under load, the share of the polite, and of a quick
 * service beside a slow one. */
#ifndef SIM_CURVES_H
#define SIM_CURVES_H

void curves_print(void);

/* The last table alone: a slow service beside a quick one. */
void curves_print_neighbours(void);

#endif
