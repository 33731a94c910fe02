/* What the queue's rules are worth: goodput under load, and the share of the polite. */
#ifndef SIM_CURVES_H
#define SIM_CURVES_H

void curves_print(void);

#endif
