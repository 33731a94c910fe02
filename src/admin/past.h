/* What a worker does now, and its last requests. */
#ifndef ADMIN_PAST_H
#define ADMIN_PAST_H

#include <cjson/cJSON.h>

#include "admin/endpoint.h"

/* Add them to a worker's object, by its index. Thread: any. */
void past_add(cJSON *json, struct admin *admin, size_t index);

/* Add a list of the workers whose handler is overdue, with what their threads do. Thread: any. */
void past_add_stuck(cJSON *json, struct admin *admin);

#endif
