#include "config/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix.h"
#include "json/source.h"

/* A file of something else is full of errors. */
#define FILE_ERRORS_MAX 100

#define BLANKS " \t\r"

/* A prefix, and where it stands. */
struct entry {
	const char *text; /* in a file without a NUL behind it */
	struct report_place place;
	struct prefix prefix;
	bool allow;
};

/* What is being read for one list. */
struct reading {
	struct access_list *list;
	const char *label; /* "services.1." */
	size_t source;	   /* the file's number */
	struct entry *entries;
	size_t count, capacity;
	struct report *report;
};

static int add_entry(struct reading *reading, const struct entry *entry)
{
	if (reading->count == reading->capacity) {
		size_t capacity = reading->capacity > 0 ? 2 * reading->capacity : 64;
		struct entry *entries = reallocarray(reading->entries, capacity, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		reading->entries = entries;
		reading->capacity = capacity;
	}
	reading->entries[reading->count++] = *entry;
	return 0;
}

static int add_list(struct reading *reading, const struct value *value, bool allow)
{
	struct prefix_error ignored;
	int r = 0;

	if (!value->present || value->invalid)
		return 0;
	for (struct element each = element_first(value->element); r == 0 && each.item;
		each = element_next(each)) {
		struct entry entry = { each.item->valuestring, element_place(each),
			.allow = allow };

		(void)prefix_parse(entry.text, &entry.prefix, &ignored);
		r = add_entry(reading, &entry);
	}
	return r;
}

/* --- the file */

/* Bytes of a line, from `at` on. */
static void report_part(struct reading *reading, const char *at, size_t length, const char *message)
{
	const struct report_place place = { reading->source,
		(size_t)(at - reading->list->file.text), length };

	report_add(reading->report, place, "%s", message);
}

/* Of the bytes from `at` to `end` the first word; returns its length. */
static size_t cut_word(const char **at, const char *end)
{
	const char *word = *at;

	while (word < end && strchr(BLANKS, *word))
		word++;
	*at = word;
	while (word < end && !strchr(BLANKS, *word))
		word++;
	return (size_t)(word - *at);
}

static bool is_named(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* The text of a prefix is shorter than the copy, or wrong. */
static int read_prefix(struct reading *reading, const char *text, size_t length, bool allow)
{
	struct entry entry = { text, { .source = reading->source }, .allow = allow };
	char copy[2 * PREFIX_TEXT_MAX] = "";
	struct prefix_error error;

	memcpy(copy, text, length < sizeof(copy) ? length : sizeof(copy) - 1);
	if (prefix_parse(copy, &entry.prefix, &error) < 0) {
		report_part(reading, text + error.offset, error.length, error.message);
		return 0;
	}
	entry.place.offset = (size_t)(text - reading->list->file.text);
	entry.place.length = length;
	return add_entry(reading, &entry);
}

/* "allow PREFIX", "deny PREFIX", or nothing; up to a comment. */
static int read_line(struct reading *reading, const char *line, const char *end)
{
	const char *word = line, *prefix, *rest;
	size_t length = cut_word(&word, end), prefix_length, rest_length;
	bool allow = is_named(word, length, "allow");

	if (length == 0)
		return 0;
	if (!allow && !is_named(word, length, "deny")) {
		report_part(
			reading, word, length, "a line is allow PREFIX, deny PREFIX or # comment");
		return 0;
	}
	prefix = word + length;
	prefix_length = cut_word(&prefix, end);
	rest = prefix + prefix_length;
	rest_length = cut_word(&rest, end);
	if (prefix_length == 0)
		report_part(reading, word + length, 0, "the prefix is missing");
	else if (rest_length > 0)
		report_part(reading, rest, rest_length, "a line has one prefix");
	else
		return read_prefix(reading, prefix, prefix_length, allow);
	return 0;
}

static int read_lines(struct reading *reading)
{
	const struct report_source *file = &reading->list->file;
	const char *line = file->text, *end = file->text + file->length;
	size_t errors = reading->report->count;
	int r = 0;

	while (r == 0 && line < end) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));
		const char *comment;

		line_end = line_end ? line_end : end;
		if (reading->report->count - errors == FILE_ERRORS_MAX) {
			report_part(reading, line, 0, "the lines from here on are not checked");
			return 0;
		}
		comment = memchr(line, '#', (size_t)(line_end - line));
		r = read_line(reading, line, comment ? comment : line_end);
		line = line_end + 1;
	}
	return r;
}

/* The path as the configuration has it, from the folder of that. */
static char *join_path(const char *configuration, const char *path)
{
	const char *slash = configuration ? strrchr(configuration, '/') : NULL;
	char *joined = NULL;

	if (!slash || path[0] == '/')
		return strdup(path);
	if (asprintf(&joined, "%.*s/%s", (int)(slash - configuration), configuration, path) < 0)
		return NULL;
	return joined;
}

static int read_file_of(struct reading *reading, const struct value *value, const char *path)
{
	struct report_source *file = &reading->list->file;
	const char *text = value_text(value, &params[PARAM_ACCESS_FILE], 0);
	struct scan_error error;
	int r;

	if (value->invalid || text[0] == '\0')
		return 0;
	file->name = join_path(path, text);
	if (!file->name)
		return -ENOMEM;
	r = source_read(file, reading->source, file->name, ACCESS_FILE_BYTES_MAX, reading->report);
	if (r < 0 || !file->text)
		return r;
	if (file->length > ACCESS_FILE_BYTES_MAX)
		report_part(reading, file->text, 0, "longer than 64 MiB");
	else if (scan_bytes(file->text, file->length, &error) < 0)
		report_part(reading, file->text + error.offset, error.length, error.message);
	else
		return read_lines(reading);
	return 0;
}

/* --- all of it */

static int report_contradictions(struct reading *reading)
{
	struct prefix_rule *rules = calloc(reading->count + 1, sizeof(*rules));
	char text[PREFIX_TEXT_MAX];

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < reading->count; i++) {
		const struct entry *entry = &reading->entries[i];

		rules[i] = (struct prefix_rule){ entry->prefix, entry->allow, (unsigned)i };
	}
	prefix_sort(rules, reading->count);
	for (size_t i = 1; i < reading->count; i++) {
		const struct prefix_rule *one = &rules[i - 1], *other = &rules[i];
		size_t later = one->number > other->number ? one->number : other->number;

		if (prefix_contradicts(one, other))
			report_add(reading->report, reading->entries[later].place,
				"%saccess: allows and denies %s", reading->label,
				prefix_format(&one->prefix, text));
	}
	free(rules);
	return 0;
}

/* The file's texts get a NUL behind them: no message will show them. */
static int make_texts(struct reading *reading)
{
	struct access_list *list = reading->list;
	size_t allowed = 0, denied = 0;

	list->texts = calloc(reading->count + 1, sizeof(*list->texts));
	if (!list->texts)
		return -ENOMEM;
	for (size_t i = 0; i < reading->count; i++) {
		const struct entry *entry = &reading->entries[i];

		if (entry->place.source == reading->source)
			((char *)entry->text)[entry->place.length] = '\0';
		if (entry->allow)
			list->texts[allowed++] = entry->text;
		else
			list->texts[reading->count - ++denied] = entry->text;
	}
	list->options =
		(struct dgram_access){ list->texts, allowed, list->texts + allowed, denied };
	return 0;
}

static int read_list(struct reading *reading, const struct values *values, const char *path)
{
	size_t errors = reading->report->count;
	int r = add_list(reading, &values->of[PARAM_ACCESS_ALLOW], true);

	if (r == 0)
		r = add_list(reading, &values->of[PARAM_ACCESS_DENY], false);
	if (r == 0)
		r = read_file_of(reading, &values->of[PARAM_ACCESS_FILE], path);
	if (r == 0)
		r = report_contradictions(reading);
	if (r == 0 && reading->count > DGRAM_ACCESS_PREFIXES_MAX)
		report_add(reading->report, reading->entries[reading->count - 1].place,
			"%saccess: has more than %u prefixes", reading->label,
			DGRAM_ACCESS_PREFIXES_MAX);
	if (r == 0 && reading->report->count == errors)
		r = make_texts(reading);
	free(reading->entries);
	return r;
}

/* A service without `access` of its own has the top's. */
int access_resolve(struct config *config, const char *path, struct report *report)
{
	char label[32] = "";
	int r = 0;

	config->access = calloc(1 + config->services_count, sizeof(*config->access));
	if (!config->access)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i <= config->services_count; i++) {
		struct values *values = i == 0 ? &config->top : &config->services[i - 1];
		struct reading reading = { .list = &config->access[i],
			.label = label,
			.source = config->documents_count + i,
			.report = report };
		bool own = i == 0 || (config->services_listed && values->of[PARAM_ACCESS].present);

		values->access = &config->access[own ? i : 0];
		if (i > 0)
			snprintf(label, sizeof(label), "services.%zu.", i - 1);
		if (own)
			r = read_list(&reading, values, path);
	}
	return r;
}

void access_clear(struct config *config)
{
	for (size_t i = 0; config->access && i <= config->services_count; i++) {
		free((char *)config->access[i].file.name);
		free((char *)config->access[i].file.text);
		free(config->access[i].texts);
	}
	free(config->access);
}

bool access_is_same_file(const struct access_list *one, const struct access_list *other)
{
	if (!one->file.text || !other->file.text)
		return one->file.text == other->file.text;
	return one->file.length == other->file.length &&
	       memcmp(one->file.text, other->file.text, one->file.length) == 0;
}
