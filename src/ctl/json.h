/* What a daemon's JSON says under a key. */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <cjson/cJSON.h>

/* "-": there is none. */
const char *json_text_of(const cJSON *json, const char *key);

/* 0: there is none. */
double json_number_of(const cJSON *json, const char *key);

#endif
