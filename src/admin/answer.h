/* What a request is answered with. */
#ifndef ADMIN_ANSWER_H
#define ADMIN_ANSWER_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct admin_answer {
	unsigned status; /* of HTTP */
	const char *type;
	const char *allow; /* the method that the path takes instead; NULL: see `status` */
	char *body;	   /* of malloc(); NULL: there was no memory */
	size_t length;
};

#define ANSWER_TEXT "text/plain; charset=utf-8"
#define ANSWER_JSON "application/json"

/* Thread: any. */
void answer_set_text(struct admin_answer *answer, unsigned status, const char *text);

/* Takes the JSON, which may be NULL: there was no memory. */
void answer_set_json(struct admin_answer *answer, unsigned status, cJSON *json);

/* An object with the text as "error". */
void answer_refuse(struct admin_answer *answer, unsigned status, const char *error);

#endif
