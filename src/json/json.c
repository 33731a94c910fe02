#include "json/json.h"

#include <math.h>

#include "base/rule.h"

static void write_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			fprintf(file, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

static void new_line(struct json *json)
{
	fputc('\n', json->file);
	for (unsigned i = 0; i < json->depth; i++)
		fputs("  ", json->file);
}

static void begin_item(struct json *json, const char *key)
{
	if (json->follows)
		fputc(',', json->file);
	if (json->depth > 0)
		new_line(json);
	if (key) {
		write_string(json->file, key);
		fputs(": ", json->file);
	}
	json->follows = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin_item(json, key);
	fputc(bracket, json->file);
	json->depth++;
	json->follows = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->follows)
		new_line(json);
	fputc(bracket, json->file);
	if (json->depth == 0)
		fputc('\n', json->file);
	json->follows = true;
}

void json_text(struct json *json, const char *key, const char *value)
{
	if (!value)
		return;
	begin_item(json, key);
	write_string(json->file, value);
}

void json_number(struct json *json, const char *key, double value)
{
	char text[RULE_NUMBER_MAX];

	if (!isfinite(value))
		return;
	begin_item(json, key);
	fputs(rule_number_text(value, text), json->file);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_item(json, key);
	fputs(value ? "true" : "false", json->file);
}

void json_texts(struct json *json, const char *key, const char *const *texts)
{
	json_open(json, key, '[');
	for (; texts && *texts; texts++)
		json_text(json, NULL, *texts);
	json_close(json, ']');
}
