#include "process/description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rule.h"

struct description {
	struct dgram_handler handler;
	char *text;			    /* what all texts point into */
	struct dgram_parameter *parameters; /* the handler's */
	const char **words;		    /* of all parameters, each list with its NULL */
};

/* --- writing */

static void write_number(FILE *file, const char *key, double number)
{
	char text[RULE_NUMBER_MAX];

	(void)fprintf(file, "%s %s%c", key, rule_number_text(number, text), '\0');
}

static void write_parameter(FILE *file, const struct dgram_parameter *parameter)
{
	size_t words = 0;

	while (parameter->type == DGRAM_WORD && parameter->words[words] != NULL)
		words++;
	(void)fprintf(file, "option %s%c", parameter->name, '\0');
	(void)fprintf(file, "type %u%c", (unsigned)parameter->type, '\0');
	(void)fprintf(file, "required %d%c", parameter->required, '\0');
	(void)fprintf(file, "live %d%c", parameter->live, '\0');
	write_number(file, "minimum", parameter->minimum);
	write_number(file, "maximum", parameter->maximum);
	write_number(file, "default", parameter->initial);
	(void)fprintf(file, "texts %d%c", parameter->text != NULL, '\0');
	if (parameter->text != NULL)
		(void)fprintf(file, "text %s%c", parameter->text, '\0');
	(void)fprintf(file, "words %zu%c", words, '\0');
	for (size_t i = 0; i < words; i++)
		(void)fprintf(file, "word %s%c", parameter->words[i], '\0');
	(void)fprintf(file, "sentence %s%c", parameter->sentence != NULL ? parameter->sentence : "",
		'\0');
}

static int end_fields(FILE *file)
{
	(void)fprintf(file, "end %c", '\0');
	if (fflush(file) != 0)
		return -errno;
	return ferror(file) ? -EIO : 0;
}

int description_write(const struct dgram_handler *handler, FILE *file)
{
	(void)fprintf(file, "abi %u%c", handler->abi, '\0');
	(void)fprintf(file, "name %s%c", handler->name, '\0');
	(void)fprintf(file, "options %zu%c", handler->parameters_count, '\0');
	for (size_t i = 0; i < handler->parameters_count; i++)
		write_parameter(file, &handler->parameters[i]);
	return end_fields(file);
}

int description_write_fault(const char *fault, FILE *file)
{
	(void)fprintf(file, "fault %s%c", fault, '\0');
	return end_fields(file);
}

/* --- reading */

struct reader {
	char *at, *end;
	bool broken; /* stays so */
};

/* The value of the next field, which must have this key; else "". */
static char *take_text(struct reader *reader, const char *key)
{
	size_t length = strlen(key);
	char *field = reader->at;
	size_t bytes = (size_t)(reader->end - field);

	reader->broken |= bytes == 0 || strnlen(field, bytes) == bytes ||
			  strncmp(field, key, length) != 0 || field[length] != ' ';
	if (reader->broken)
		return reader->end;
	reader->at += strlen(field) + 1;
	return field + length + 1;
}

static double take_double(struct reader *reader, const char *key)
{
	char *text = take_text(reader, key), *end;
	double number = strtod(text, &end);

	reader->broken |= end == text || *end != '\0';
	return number;
}

/* No more than what is left has fields. */
static size_t take_count(struct reader *reader, const char *key)
{
	double count = take_double(reader, key);
	bool possible = count >= 0 && count <= (double)(reader->end - reader->at);

	reader->broken |= !possible || count > (double)(size_t)count;
	return reader->broken ? 0 : (size_t)count;
}

/* Takes its words from `words` on. Returns the place after them. */
static const char **take_parameter(
	struct reader *reader, struct dgram_parameter *parameter, const char **words)
{
	size_t type, count;

	parameter->name = take_text(reader, "option");
	type = take_count(reader, "type");
	reader->broken |= type > DGRAM_TEXTS;
	parameter->type = (enum dgram_type)(reader->broken ? 0 : type);
	parameter->required = take_count(reader, "required") > 0;
	parameter->live = take_count(reader, "live") > 0;
	parameter->minimum = take_double(reader, "minimum");
	parameter->maximum = take_double(reader, "maximum");
	parameter->initial = take_double(reader, "default");
	if (take_count(reader, "texts") > 0)
		parameter->text = take_text(reader, "text");
	count = take_count(reader, "words");
	parameter->words = words;
	for (size_t i = 0; i < count && !reader->broken; i++)
		*words++ = take_text(reader, "word");
	parameter->sentence = take_text(reader, "sentence");
	return words + 1;
}

static ssize_t be_described(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return -ENOEXEC;
}

static int be_reconfigured(void *state, const struct dgram_start *start)
{
	(void)state, (void)start;
	return -ENOEXEC;
}

/* A field has at least four bytes, and a parameter more fields than its words and their NULL take pointers. */
static int take_handler(struct description *description, struct reader *reader, size_t length)
{
	struct dgram_handler *handler = &description->handler;
	const char **words;

	handler->abi = (unsigned)take_count(reader, "abi");
	handler->name = take_text(reader, "name");
	handler->handle = be_described;
	handler->reconfigure = be_reconfigured;
	handler->parameters_count = take_count(reader, "options");
	description->words = words = calloc(length / 4 + 1, sizeof(*words));
	description->parameters =
		calloc(handler->parameters_count + 1, sizeof(*description->parameters));
	if (words == NULL || description->parameters == NULL)
		return -ENOMEM;
	handler->parameters = description->parameters;
	for (size_t i = 0; i < handler->parameters_count && !reader->broken; i++)
		words = take_parameter(reader, &description->parameters[i], words);
	(void)take_text(reader, "end");
	return reader->broken || reader->at != reader->end ? -EPROTO : 0;
}

int description_read(
	char *text, size_t length, const char **ret_fault, struct description **ret_description)
{
	struct reader reader = { text, text + length, false };
	const char *fault = take_text(&reader, "fault");
	struct description *description;
	int error;

	if (!reader.broken) {
		*ret_fault = fault;
		return -ENOEXEC;
	}
	reader = (struct reader){ text, text + length, false };
	description = calloc(1, sizeof(*description));
	if (description == NULL)
		return -ENOMEM;
	error = take_handler(description, &reader, length);
	if (error < 0) {
		description_free(description);
		return error;
	}
	description->text = text;
	*ret_description = description;
	return 0;
}

const struct dgram_handler *description_handler(const struct description *description)
{
	return &description->handler;
}

void description_free(struct description *description)
{
	if (description == NULL)
		return;
	free(description->text);
	free(description->parameters);
	free(description->words);
	free(description);
}
