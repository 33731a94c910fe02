#include "config/unknown.h"

#include <stdio.h>
#include <string.h>

#include "json/suggest.h"

/* Of a key in a message; the excerpt shows it whole. */
#define KEY_BYTES_MAX 48

/* Another object's key of this very name, or of this path; one of this scope if there is one. */
static const struct param *find_elsewhere(enum param_scope scope, const char *key)
{
	const struct param *found = NULL;

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		if (strcmp(param_key(&params[i]), key) != 0 && strcmp(params[i].path, key) != 0)
			continue;
		if (!found || ((params[i].scope & scope) && !(found->scope & scope)))
			found = &params[i];
	}
	return found;
}

/* "in `queue`", "at the top", "in a service" */
static void describe_home(const struct param *param, char *text, size_t size)
{
	size_t length = strcspn(param->path, ".");

	if (param->path[length])
		snprintf(text, size, "in `%.*s`", (int)length, param->path);
	else
		snprintf(text, size, "%s",
			param->scope == PARAM_SCOPE_SERVICE ? "in one of the `services`"
							    : "at the top of the file");
}

static bool is_option(const char *key)
{
	const struct dgram_handler *handler;

	for (size_t i = 0; (handler = dgram_builtin_handler_at(i)); i++) {
		for (size_t j = 0; j < handler->parameters_count; j++) {
			if (strcmp(handler->parameters[j].name, key) == 0)
				return true;
		}
	}
	return false;
}

static void advise(
	char *text, size_t size, enum param_scope scope, const struct param *group, const char *key)
{
	struct suggestion here = { .written = key }, anywhere = { .written = key };
	const struct param *elsewhere = find_elsewhere(scope, key);
	const struct param *nearest = NULL;
	char home[48];

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		const char *best = anywhere.best;

		if (param_is_in(&params[i], scope, group))
			suggest_offer(&here, param_key(&params[i]));
		suggest_offer(&anywhere, param_key(&params[i]));
		if (anywhere.best != best)
			nearest = &params[i];
	}
	if (elsewhere || nearest)
		describe_home(elsewhere ? elsewhere : nearest, home, sizeof(home));
	if (elsewhere && strchr(key, '.'))
		snprintf(text, size, "unknown key; write \"%s\" %s", param_key(elsewhere), home);
	else if (elsewhere || is_option(key))
		snprintf(text, size, "this key belongs %s", elsewhere ? home : "in `options`");
	else if (here.best)
		snprintf(text, size, "unknown key; did you mean \"%s\"?", here.best);
	else if (nearest)
		snprintf(text, size, "unknown key; did you mean \"%s\" %s?", anywhere.best, home);
	else
		snprintf(text, size, "unknown key");
}

/* `path`: of the object that the key stands in, or "". */
static void add_error(struct element member, const char *label, const char *path,
	const char *advice, struct report *report)
{
	const char *key = member.item->string;
	size_t length = strnlen(key, KEY_BYTES_MAX + 1);

	if (length > KEY_BYTES_MAX) {
		/* not in the middle of a character */
		do {
			length--;
		} while (length > 0 && ((unsigned char)key[length] & 0xc0) == 0x80);
	}
	report_add(report, element_key_place(member), "%s%s%s%.*s%s: %s", label, path,
		path[0] ? "." : "", (int)length, key, key[length] ? "..." : "", advice);
}

void unknown_key(struct element member, enum param_scope scope, const struct param *group,
	const char *label, struct report *report)
{
	char advice[160];

	advise(advice, sizeof(advice), scope, group, member.item->string);
	add_error(member, label, group ? group->path : "", advice, report);
}

void unknown_option(struct element member, const struct dgram_handler *handler, const char *label,
	struct report *report)
{
	struct suggestion suggestion = { .written = member.item->string };
	char advice[160] = "unknown option";

	for (size_t i = 0; i < handler->parameters_count; i++)
		suggest_offer(&suggestion, handler->parameters[i].name);
	if (handler->parameters_count == 0)
		snprintf(
			advice, sizeof(advice), "the handler \"%s\" has no options", handler->name);
	else if (suggestion.best)
		snprintf(advice, sizeof(advice), "unknown option; did you mean \"%s\"?",
			suggestion.best);
	add_error(member, label, params[PARAM_OPTIONS].path, advice, report);
}
