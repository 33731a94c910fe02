/* Who asks most of each service, for those who may know clients' addresses. */
#ifndef ADMIN_TALKERS_H
#define ADMIN_TALKERS_H

#include "admin/endpoint.h"

/* Thread: any. */
void talkers_view(struct admin *admin, unsigned long number, struct admin_answer *answer);

#endif
