/* What a daemon says, for people. Missing parts are left out. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <cjson/cJSON.h>

void show_status(const cJSON *status);
void show_workers(const cJSON *workers);
void show_talkers(const cJSON *talkers);

/* `before`: the same, asked for earlier, from which the rates come. */
void show_drops(const cJSON *before, const cJSON *now);

/* Microseconds, as "3 us", "4.2 ms" or "17 s"; seconds, as "5 h 3 min". */
const char *show_duration(double us, char text[static 24]);
const char *show_uptime(double seconds, char text[static 24]);

/* Of all services: figures whose name is this, or begins with it where it ends in "_". */
double show_sum(const cJSON *services, const char *name);

#endif
