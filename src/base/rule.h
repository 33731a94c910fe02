/* What a value may be, and the words for one that it may not be: keys of server.json, fields of dgram.h
 * and options of handlers are checked alike. Thread: any. */
#ifndef BASE_RULE_H
#define BASE_RULE_H

#include <stdbool.h>
#include <stddef.h>

/* Of options of handlers: the first six, in the order of dgram.h. */
enum rule_type {
	RULE_NUMBER,
	RULE_WHOLE,
	RULE_BOOLEAN,
	RULE_TEXT,
	RULE_WORD,
	RULE_TEXTS,
	RULE_NAME, /* of a service */
	RULE_CPUS,
	RULE_TARGET, /* of the log */
};

struct rule {
	enum rule_type type;
	double minimum, maximum;  /* of texts their bytes, of a list its texts */
	const char *const *words; /* NULL after the last */
};

/* An option's, of a handler. Expand it where dgram.h is included. */
#define RULE_OF_PARAMETER(parameter)                                             \
	((struct rule){ (enum rule_type)(parameter)->type, (parameter)->minimum, \
		(parameter)->maximum, (parameter)->words })

/* The longest list of words is cut there. */
#define RULE_MESSAGE_MAX 400

/* True: the value may be. Else `message` says what it must be. Those for numbers are for RULE_NUMBER,
 * RULE_WHOLE and RULE_BOOLEAN, those for a count for RULE_TEXTS. */
bool rule_takes_number(const struct rule *rule, double number, char message[RULE_MESSAGE_MAX]);
bool rule_takes_text(const struct rule *rule, const char *text, char message[RULE_MESSAGE_MAX]);
bool rule_takes_count(const struct rule *rule, size_t count, char message[RULE_MESSAGE_MAX]);

/* The same about a value of another type, as "a string". */
void rule_refuse(const struct rule *rule, const char *given, char message[RULE_MESSAGE_MAX]);

/* About an option that the handler does not have: of those that it has (else `any` is false), `nearest` may
 * be meant, or is NULL; and about one that is not set. */
void rule_refuse_option(
	const char *handler, bool any, const char *nearest, char message[RULE_MESSAGE_MAX]);
void rule_require_option(const char *handler, char message[RULE_MESSAGE_MAX]);

/* The shortest text that reads back as the same finite number. */
#define RULE_NUMBER_MAX 32
const char *rule_number_text(double number, char text[RULE_NUMBER_MAX]);

#endif
