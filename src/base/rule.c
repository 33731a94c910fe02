#include "base/rule.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpus.h"
#include "base/limits.h"
#include "base/suggest.h"
#include "base/target.h"

const char *rule_number_text(double number, char text[RULE_NUMBER_MAX])
{
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, RULE_NUMBER_MAX, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return text;
}

/* `one of "error", "warn", "info"` */
static void put_choice(const struct rule *rule, char message[RULE_MESSAGE_MAX])
{
	const char *const *words = rule->words;
	int at = snprintf(message, RULE_MESSAGE_MAX, "must be %s", words[1] ? "one of " : "");

	for (size_t i = 0; words[i] && at < RULE_MESSAGE_MAX; i++)
		at += snprintf(message + at, (size_t)(RULE_MESSAGE_MAX - at), "%s\"%s\"",
			i > 0 ? ", " : "", words[i]);
}

static void put_expected(const struct rule *rule, char message[RULE_MESSAGE_MAX])
{
	char minimum[RULE_NUMBER_MAX], maximum[RULE_NUMBER_MAX];

	switch (rule->type) {
	case RULE_NUMBER:
	case RULE_WHOLE:
		(void)snprintf(message, RULE_MESSAGE_MAX, "must be a %snumber from %s to %s",
			rule->type == RULE_WHOLE ? "whole " : "",
			rule_number_text(rule->minimum, minimum),
			rule_number_text(rule->maximum, maximum));
		break;
	case RULE_BOOLEAN:
		(void)snprintf(message, RULE_MESSAGE_MAX, "must be true or false");
		break;
	case RULE_WORD:
		put_choice(rule, message);
		break;
	case RULE_TEXTS:
		(void)snprintf(message, RULE_MESSAGE_MAX, "must be a list of %.0f to %.0f strings",
			rule->minimum, rule->maximum);
		break;
	case RULE_TEXT:
	case RULE_NAME:
	case RULE_CPUS:
	case RULE_TARGET:
		(void)snprintf(message, RULE_MESSAGE_MAX, "must be a string");
		break;
	}
}

void rule_refuse(const struct rule *rule, const char *given, char message[RULE_MESSAGE_MAX])
{
	size_t length;

	put_expected(rule, message);
	length = strlen(message);
	if (rule->type != RULE_WORD)
		(void)snprintf(message + length, RULE_MESSAGE_MAX - length, ", not %s", given);
}

/* The range comes first: outside of it a number may not be one of int64_t. */
bool rule_takes_number(const struct rule *rule, double number, char message[RULE_MESSAGE_MAX])
{
	double minimum = rule->type == RULE_BOOLEAN ? 0 : rule->minimum;
	double maximum = rule->type == RULE_BOOLEAN ? 1 : rule->maximum;

	assert(rule->type <= RULE_BOOLEAN);
	if (number >= minimum && number <= maximum &&
		(rule->type == RULE_NUMBER || (double)(int64_t)number == number))
		return true;
	put_expected(rule, message);
	return false;
}

static bool takes_word(const struct rule *rule, const char *word, char message[RULE_MESSAGE_MAX])
{
	struct suggestion suggestion = { .written = word };
	size_t length;

	for (size_t i = 0; rule->words[i]; i++) {
		if (strcmp(rule->words[i], word) == 0)
			return true;
		suggest_offer(&suggestion, rule->words[i]);
	}
	put_choice(rule, message);
	length = strlen(message);
	if (suggestion.best)
		(void)snprintf(message + length, RULE_MESSAGE_MAX - length,
			"; did you mean \"%s\"?", suggestion.best);
	return false;
}

static bool is_name(const char *text)
{
	return text[0] >= 'a' && text[0] <= 'z' &&
	       text[strspn(text, SERVICE_NAME_CHARACTERS)] == '\0';
}

bool rule_takes_text(const struct rule *rule, const char *text, char message[RULE_MESSAGE_MAX])
{
	struct cpus cpus;

	assert(rule->type >= RULE_TEXT && rule->type != RULE_TEXTS);
	if (rule->type == RULE_WORD)
		return takes_word(rule, text, message);
	if ((double)strlen(text) < rule->minimum || (double)strlen(text) > rule->maximum)
		(void)snprintf(message, RULE_MESSAGE_MAX, "must be from %.0f to %.0f bytes long",
			rule->minimum, rule->maximum);
	else if (rule->type == RULE_NAME && !is_name(text))
		(void)snprintf(
			message, RULE_MESSAGE_MAX, "may have a-z, 0-9 and -, a letter first");
	else if (rule->type == RULE_CPUS && cpus_parse(text, &cpus) < 0)
		(void)snprintf(message, RULE_MESSAGE_MAX,
			"must be a list of CPUs as in \"2-5,8\", each at most %u", CPUS_MAX - 1);
	else
		return rule->type != RULE_TARGET ||
		       target_is_valid(text, message, RULE_MESSAGE_MAX);
	return false;
}

bool rule_takes_count(const struct rule *rule, size_t count, char message[RULE_MESSAGE_MAX])
{
	assert(rule->type == RULE_TEXTS);
	if ((double)count >= rule->minimum && (double)count <= rule->maximum)
		return true;
	put_expected(rule, message);
	return false;
}

void rule_refuse_option(
	const char *handler, bool any, const char *nearest, char message[RULE_MESSAGE_MAX])
{
	if (!any)
		(void)snprintf(
			message, RULE_MESSAGE_MAX, "the handler \"%s\" has no options", handler);
	else
		(void)snprintf(message, RULE_MESSAGE_MAX, "unknown option%s%s%s",
			nearest ? "; did you mean \"" : "", nearest ? nearest : "",
			nearest ? "\"?" : "");
}

void rule_require_option(const char *handler, char message[RULE_MESSAGE_MAX])
{
	(void)snprintf(message, RULE_MESSAGE_MAX, "missing: the handler \"%s\" needs it", handler);
}
