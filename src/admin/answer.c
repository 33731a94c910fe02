#include "admin/answer.h"

#include <stdio.h>
#include <string.h>

void answer_set_text(struct admin_answer *answer, unsigned status, const char *text)
{
	answer->status = status;
	answer->type = ANSWER_TEXT;
	answer->body = strdup(text);
	answer->length = answer->body != NULL ? strlen(text) : 0;
}

void answer_set_json(struct admin_answer *answer, unsigned status, cJSON *json)
{
	char *text = json != NULL ? cJSON_Print(json) : NULL;
	FILE *file = text != NULL ? open_memstream(&answer->body, &answer->length) : NULL;

	answer->status = status;
	answer->type = ANSWER_JSON;
	if (file != NULL) {
		(void)fprintf(file, "%s\n", text);
		(void)fclose(file);
	}
	cJSON_free(text);
	cJSON_Delete(json);
}

void answer_refuse(struct admin_answer *answer, unsigned status, const char *error)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "error", error);
	answer_set_json(answer, status, json);
}
