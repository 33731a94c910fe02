/* What polite clients get beside abusing ones, by where these have their addresses and when they send. */
#ifndef SIM_SHARES_H
#define SIM_SHARES_H

void shares_print(void);

#endif
