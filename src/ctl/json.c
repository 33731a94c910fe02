#include "ctl/json.h"

const char *json_text_of(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));

	return text != NULL ? text : "-";
}

double json_number_of(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItem(json, key);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}
