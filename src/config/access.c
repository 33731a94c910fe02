#include "config/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix.h"
#include "json/source.h"

/* A file of something else is full of errors. */
#define FILE_ERRORS_MAX 100

/* What is read for one list: rules, and the place of each by its number. */
struct reading {
	struct access_list *list;
	const char *label; /* "services.1." */
	size_t source;	   /* the file's number */
	struct report *report;
	size_t most; /* that there is room for */
	size_t allowed, count;
	struct prefix_rule *rules;
	struct report_place *places;
};

static void add_rule(
	struct reading *reading, const char *text, struct report_place place, bool allow)
{
	size_t number = reading->count;
	struct prefix_rule *rule = &reading->rules[number];
	struct prefix_error why;

	if (prefix_parse(text, &rule->prefix, &why) < 0) {
		place.offset += why.offset;
		place.length = why.length;
		report_add(reading->report, place, "%s", why.message);
		return;
	}
	rule->allow = allow;
	rule->number = (unsigned)number;
	reading->places[number] = place;
	reading->count++;
	reading->allowed += allow;
	reading->list->texts[allow ? reading->allowed - 1
				   : reading->most - (reading->count - reading->allowed)] = text;
}

/* "allow PREFIX", "deny PREFIX", or nothing; up to a comment. */
static void add_line(struct reading *reading, char *line)
{
	const char *blanks = " \t\r", *begin = reading->list->lines;
	char *state, *word, *prefix, *more;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, blanks, &state);
	if (!word)
		return;
	prefix = strtok_r(NULL, blanks, &state);
	more = prefix ? strtok_r(NULL, blanks, &state) : NULL;
	if (prefix && !more && (strcmp(word, "allow") == 0 || strcmp(word, "deny") == 0)) {
		add_rule(reading, prefix,
			(struct report_place){
				reading->source, (size_t)(prefix - begin), strlen(prefix) },
			word[0] == 'a');
		return;
	}
	word = more ? more : word;
	report_add(reading->report,
		(struct report_place){ reading->source, (size_t)(word - begin), strlen(word) },
		"a line is allow PREFIX, deny PREFIX or # comment");
}

static void add_lines(struct reading *reading)
{
	size_t errors = reading->report->count;
	char *rest = reading->list->lines, *line;

	while (rest && reading->report->count - errors < FILE_ERRORS_MAX) {
		line = strsep(&rest, "\n");
		add_line(reading, line);
	}
	if (rest)
		report_add(reading->report,
			(struct report_place){
				reading->source, (size_t)(rest - reading->list->lines), 0 },
			"the lines from here on are not checked");
}

static void add_value(struct reading *reading, const struct value *value, bool allow)
{
	if (!value->present || value->invalid)
		return;
	for (struct element each = element_first(value->element); each.item;
		each = element_next(each))
		add_rule(reading, each.item->valuestring, element_place(each), allow);
}

/* The path as the configuration has it, from the folder of that. */
static char *join_path(const char *configuration, const char *path)
{
	const char *slash = configuration ? strrchr(configuration, '/') : NULL;
	int folder = slash && path[0] != '/' ? (int)(slash + 1 - configuration) : 0;
	char *joined;

	return asprintf(&joined, "%.*s%s", folder, folder ? configuration : "", path) < 0 ? NULL
											  : joined;
}

/* Its text stays whole, for messages; its lines are cut up in a copy. */
static int read_list_file(
	struct reading *reading, const char *configuration, const struct value *value)
{
	struct report_source *file = &reading->list->file;
	const char *path = value_text(value, &params[PARAM_ACCESS_FILE], 0);
	struct report_place place = { .source = reading->source };
	struct scan_error error;
	int r;

	if (value->invalid || path[0] == '\0')
		return 0;
	file->name = join_path(configuration, path);
	if (!file->name)
		return -ENOMEM;
	r = source_read(file, reading->source, file->name, ACCESS_FILE_BYTES_MAX, reading->report);
	if (r < 0 || !file->text)
		return r;
	if (file->length > ACCESS_FILE_BYTES_MAX) {
		report_add(reading->report, place, "longer than 32 MiB");
	} else if (scan_bytes(file->text, file->length, &error) < 0) {
		place.offset = error.offset;
		place.length = error.length;
		report_add(reading->report, place, "%s", error.message);
	} else {
		reading->list->lines = strdup(file->text);
		return reading->list->lines ? 0 : -ENOMEM;
	}
	return 0;
}

/* Room for as many as there may be. */
static int allocate_rules(struct reading *reading, const struct values *values)
{
	size_t most = value_prefixes_count(&values->of[PARAM_ACCESS_ALLOW]) +
		      value_prefixes_count(&values->of[PARAM_ACCESS_DENY]) + 1;

	for (const char *c = reading->list->lines; c && *c; c++)
		most += *c == '\n';
	reading->most = most;
	reading->rules = calloc(most, sizeof(*reading->rules));
	reading->places = calloc(most, sizeof(*reading->places));
	reading->list->texts = calloc(most, sizeof(*reading->list->texts));
	return reading->rules && reading->places && reading->list->texts ? 0 : -ENOMEM;
}

static void check_rules(struct reading *reading)
{
	const struct prefix_rule *rules = reading->rules;
	char text[PREFIX_TEXT_MAX];

	prefix_sort(reading->rules, reading->count);
	for (size_t i = 1; i < reading->count; i++) {
		unsigned one = rules[i - 1].number, other = rules[i].number;

		if (prefix_contradicts(&rules[i - 1], &rules[i]))
			report_add(reading->report, reading->places[one > other ? one : other],
				"%saccess: allows and denies %s", reading->label,
				prefix_format(&rules[i].prefix, text));
	}
	if (reading->count > DGRAM_ACCESS_PREFIXES_MAX)
		report_add(reading->report, reading->places[DGRAM_ACCESS_PREFIXES_MAX],
			"%saccess: has more than %u prefixes", reading->label,
			DGRAM_ACCESS_PREFIXES_MAX);
}

static int read_list(
	struct reading *reading, const char *configuration, const struct values *values)
{
	int r = read_list_file(reading, configuration, &values->of[PARAM_ACCESS_FILE]);
	size_t denied;

	if (r == 0)
		r = allocate_rules(reading, values);
	if (r == 0) {
		add_value(reading, &values->of[PARAM_ACCESS_ALLOW], true);
		add_value(reading, &values->of[PARAM_ACCESS_DENY], false);
		add_lines(reading);
		check_rules(reading);
		denied = reading->count - reading->allowed;
		reading->list->options = (struct dgram_access){ reading->list->texts,
			reading->allowed, reading->list->texts + reading->most - denied, denied };
	}
	free(reading->rules);
	free(reading->places);
	return r;
}

/* A service without `access` of its own has the top's. */
int access_resolve(struct config *config, const char *configuration, struct report *report)
{
	char label[32] = "";
	int r = 0;

	config->access = calloc(1 + config->services_count, sizeof(*config->access));
	if (!config->access)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i <= config->services_count; i++) {
		struct values *values = i == 0 ? &config->top : &config->services[i - 1];
		struct reading reading = { &config->access[i], label, config->documents_count + i,
			report, .count = 0 };
		bool own = i == 0 || (config->services_listed && values->of[PARAM_ACCESS].present);

		values->access = &config->access[own ? i : 0];
		if (i > 0)
			snprintf(label, sizeof(label), "services.%zu.", i - 1);
		if (own)
			r = read_list(&reading, configuration, values);
	}
	return r;
}

void access_clear(struct config *config)
{
	for (size_t i = 0; config->access && i <= config->services_count; i++) {
		free((char *)config->access[i].file.name);
		free((char *)config->access[i].file.text);
		free(config->access[i].lines);
		free(config->access[i].texts);
	}
	free(config->access);
}

bool access_is_same_file(const struct access_list *one, const struct access_list *other)
{
	const char *text = one->file.text, *others = other->file.text;

	return text && others ? strcmp(text, others) == 0 : text == others;
}
