/* What a command learns of its request from its environment, by the names that UCSPI has for it. Thread: any. */
#ifndef PROCESS_UCSPI_H
#define PROCESS_UCSPI_H

#include <dgram.h>

#include "base/addr.h"

#define UCSPI_VARIABLES 6

struct ucspi {
	char text[UCSPI_VARIABLES][ADDR_TEXT_MAX + sizeof("UDPREMOTEIP=")];
};

/* Put them into `environment`, with a NULL behind them. It points into `ucspi`. */
void ucspi_set(struct ucspi *ucspi, const struct dgram_request *request, char **environment);

#endif
