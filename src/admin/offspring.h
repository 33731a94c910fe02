/* The children of services that have some: how many serve, how they ended, and the last ends. Thread: any. */
#ifndef ADMIN_OFFSPRING_H
#define ADMIN_OFFSPRING_H

#include "admin/endpoint.h"

void offspring_add(cJSON *json, struct admin *admin);

/* The same for the page; nothing where no service has any. */
void offspring_put(FILE *file, struct admin *admin);

#endif
