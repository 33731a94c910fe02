/* All figures as Prometheus reads them. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/endpoint.h"

/* Thread: any. */
void metrics_view(struct admin *admin, unsigned long number, struct admin_answer *answer);

#endif
