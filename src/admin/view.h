/* What the endpoint shows, in JSON: each fills the answer. Thread: any. */
#ifndef ADMIN_VIEW_H
#define ADMIN_VIEW_H

#include "admin/endpoint.h"

void view_ready(struct admin *admin, unsigned long number, struct admin_answer *answer);
void view_status(struct admin *admin, unsigned long number, struct admin_answer *answer);
void view_workers(struct admin *admin, unsigned long number, struct admin_answer *answer);
void view_worker(struct admin *admin, unsigned long number, struct admin_answer *answer);
void view_drops(struct admin *admin, unsigned long number, struct admin_answer *answer);

/* A worker as its thread is named: "w3", or of a receiver "rx0". */
#define VIEW_NAME_MAX 16
void view_worker_name(unsigned number, char name[static VIEW_NAME_MAX]);

/* In UTC; 0: null. */
void view_add_time(cJSON *json, const char *key, time_t when);

/* NULL: it is ready. */
const char *view_why_not_ready(const struct admin_state *state);

/* What a share of a worker's calls did not exceed: the end of their bucket. */
uint64_t view_quantile_us(const struct dgram_worker_stats *stats, double share);

#endif
