#include "log/format.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* An event is a few words. Four values of this length leave no room in a line for a fifth. */
#define EVENT_MAX 128
#define VALUE_MAX 512

/* A value is cut to no less: numbers and addresses fit. */
#define VALUE_MIN ADDR_TEXT_MAX

/* What a line may still need behind its fields: `,"fields_cut":N}` and the newline. */
#define TAIL_MAX 40

/* Around a key and a value: `,"":""` */
#define QUOTES_MAX 6

#define CUT "..."
#define CUT_LENGTH (sizeof(CUT) - 1)

/* An escaped byte, "\\x00" in JSON, and the NUL behind it. */
#define UNIT_MAX 6

static const struct {
	const char *name;
	const char *color;
	const char *priority; /* sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "\033[31m", "<3>" },
	[LOG_LEVEL_WARN] = { "warn", "\033[33m", "<4>" },
	[LOG_LEVEL_INFO] = { "info", "\033[32m", "<6>" },
	[LOG_LEVEL_DEBUG] = { "debug", "\033[2m", "<7>" },
};

#define COLOR_END "\033[0m"

/* Where text goes. There is room for all of it, because values are cut. */
struct text {
	char *at; /* where the next byte goes */
	const char *end;
	bool json;
};

enum escape {
	BARE,	/* not in quotes: "=" is escaped too */
	QUOTED, /* between quotes in logfmt */
	JSON,	/* the same text, between quotes in JSON */
};

static size_t room(const struct text *text)
{
	return (size_t)(text->end - text->at);
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	assert(length <= room(text));
	memcpy(text->at, bytes, length);
	text->at += length;
}

static void put(struct text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

/* Decimal, with zeros in front up to `digits`. */
static void put_padded(struct text *text, uint64_t number, unsigned digits)
{
	char reversed[20];
	unsigned count = 0;

	assert(digits <= sizeof(reversed));
	for (; number > 0 || count < digits; number /= 10)
		reversed[count++] = (char)('0' + number % 10);
	while (count > 0)
		put_bytes(text, &reversed[--count], 1);
}

static void put_uint(struct text *text, uint64_t number)
{
	put_padded(text, number, 1);
}

/* Not gmtime_r(3): it takes the lock of the time zone, so a thread could wait for another. Years
 * are counted from March, which makes the leap day a year's last, in eras of 400 years: in days,
 * 146097. */
static void put_date(struct text *text, uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + 719468; /* since 1 March of year 0 */
	uint64_t era = days / 146097;
	uint64_t day_of_era = days % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month = (5 * day_of_year + 2) / 153; /* 0 is March; five months have 153 days */
	uint64_t day = day_of_year - (153 * month + 2) / 5 + 1;
	uint64_t year = era * 400 + year_of_era;

	put_padded(text, month < 10 ? year : year + 1, 4);
	put(text, "-");
	put_padded(text, month < 10 ? month + 3 : month - 9, 2);
	put(text, "-");
	put_padded(text, day, 2);
}

/* "2026-11-22T22:27:18.004112Z" of nanoseconds since 1970. */
static void put_time(struct text *text, int64_t realtime_ns)
{
	uint64_t us = realtime_ns < 0 ? 0 : (uint64_t)(realtime_ns / NS_PER_US);
	uint64_t seconds = us / 1000000;

	put_date(text, seconds / 86400);
	put(text, "T");
	put_padded(text, seconds / 3600 % 24, 2);
	put(text, ":");
	put_padded(text, seconds / 60 % 60, 2);
	put(text, ":");
	put_padded(text, seconds % 60, 2);
	put(text, ".");
	put_padded(text, us % 1000000, 6);
	put(text, "Z");
}

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* Would a logfmt value of these bytes read wrong without quotes? */
static bool needs_quotes(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_printable(bytes[i]) || strchr(" =\"\\", bytes[i]) != NULL)
			return true;
	return length == 0;
}

/* Escape one byte; returns the length. */
static size_t escape_byte(enum escape escape, char c, char unit[static UNIT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const char *backslash = escape == JSON ? "\\\\" : "\\";
	char *end = unit;

	if (c == '"') {
		end = stpcpy(end, "\\\"");
	} else if (c == '\\') {
		end = stpcpy(stpcpy(end, backslash), backslash);
	} else if (!is_printable(c) || (c == '=' && escape == BARE)) {
		end = stpcpy(stpcpy(end, backslash), "x");
		*end++ = digits[(unsigned char)c >> 4];
		*end++ = digits[c & 15];
	} else {
		*end++ = c;
	}
	return (size_t)(end - unit);
}

/* How many of the bytes can be escaped into `limit`. */
static size_t count_fitting(enum escape escape, const char *bytes, size_t length, size_t limit)
{
	char unit[UNIT_MAX];
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		used += escape_byte(escape, bytes[i], unit);
		if (used > limit)
			return i;
	}
	return length;
}

/* Escape the bytes into at most `limit`, or what room there is. What is longer is cut between two
 * bytes' escapes and ends in CUT. */
static void put_escaped(
	struct text *text, enum escape escape, const char *bytes, size_t length, size_t limit)
{
	size_t most = limit < room(text) ? limit : room(text);
	size_t fitting = count_fitting(escape, bytes, length, most);

	assert(most >= CUT_LENGTH);
	if (fitting < length)
		fitting = count_fitting(escape, bytes, fitting, most - CUT_LENGTH);
	for (size_t i = 0; i < fitting; i++) {
		char unit[UNIT_MAX];
		size_t unit_length = escape_byte(escape, bytes[i], unit);

		put_bytes(text, unit, unit_length);
	}
	if (fitting < length)
		put(text, CUT);
}

static void put_string(struct text *text, const char *bytes, size_t length)
{
	size_t looked_at = length < VALUE_MAX ? length : VALUE_MAX;

	if (!text->json && !needs_quotes(bytes, looked_at)) {
		put_escaped(text, BARE, bytes, length, VALUE_MAX);
		return;
	}
	put(text, "\"");
	text->end--;
	put_escaped(text, text->json ? JSON : QUOTED, bytes, length, VALUE_MAX);
	text->end++;
	put(text, "\"");
}

static void put_source(struct text *text, const struct log_source *source)
{
	static const char *const names[] = {
		[LOG_MAIN] = "main",
		[LOG_RECEIVER] = "rx/",
		[LOG_WORKER] = "worker/",
	};

	put(text, names[source->speaker]);
	if (source->speaker != LOG_MAIN)
		put_uint(text, source->number);
}

static void put_key(struct text *text, const char *key)
{
	put(text, text->json ? ",\"" : " ");
	put(text, key);
	put(text, text->json ? "\":" : "=");
}

static void put_error(struct text *text, int error)
{
	const char *meaning = strerrordesc_np(error);
	char unknown[32];

	(void)snprintf(unknown, sizeof(unknown), "unknown error %d", error);
	if (meaning == NULL)
		meaning = unknown;
	put_string(text, meaning, strlen(meaning));
}

static void put_value(struct text *text, const struct log_field *field)
{
	char address[ADDR_TEXT_MAX];

	switch (field->type) {
	case LOG_FIELD_UINT:
		put_uint(text, field->u);
		break;
	case LOG_FIELD_INT:
		if (field->i < 0)
			put(text, "-");
		put_uint(text, field->i < 0 ? -(uint64_t)field->i : (uint64_t)field->i);
		break;
	case LOG_FIELD_TEXT:
		put_string(text, field->text, strlen(field->text));
		break;
	case LOG_FIELD_BYTES:
		put_string(text, field->text, field->length);
		break;
	case LOG_FIELD_ADDR:
		(void)addr_format(field->addr, address);
		put_string(text, address, strlen(address));
		break;
	case LOG_FIELD_ERRNO:
		put_error(text, (int)field->i);
		break;
	}
}

static void put_number(struct text *text, const char *key, uint64_t number)
{
	put_key(text, key);
	put_uint(text, number);
}

static void put_fields(struct text *text, const struct log_line *line)
{
	size_t i;

	if (line->source.speaker == LOG_WORKER)
		put_number(text, "worker", line->source.number);
	text->end -= TAIL_MAX;
	for (i = 0; i < line->count; i++) {
		const struct log_field *field = &line->fields[i];

		if (strlen(field->key) + QUOTES_MAX + VALUE_MIN > room(text))
			break;
		put_key(text, field->key);
		put_value(text, field);
	}
	text->end += TAIL_MAX;
	if (i < line->count)
		put_number(text, "fields_cut", line->count - i);
}

static void put_json(struct text *text, const struct log_line *line)
{
	put(text, "{\"time\":\"");
	put_time(text, line->realtime_ns);
	put(text, "\",\"level\":\"");
	put(text, levels[line->level].name);
	put(text, "\",\"source\":\"");
	put_source(text, &line->source);
	put(text, "\",\"event\":\"");
	put_escaped(text, JSON, line->event, strlen(line->event), EVENT_MAX);
	put(text, "\"");
	put_fields(text, line);
	put(text, "}");
}

static void put_plain(struct text *text, const struct log_style *style, const struct log_line *line)
{
	if (style->format == LOG_FORMAT_JOURNAL) {
		put(text, levels[line->level].priority);
	} else {
		put_time(text, line->realtime_ns);
		put(text, " ");
	}
	if (style->color)
		put(text, levels[line->level].color);
	put(text, levels[line->level].name);
	if (style->color)
		put(text, COLOR_END);
	put(text, " ");
	put_source(text, &line->source);
	put(text, " ");
	put_escaped(text, BARE, line->event, strlen(line->event), EVENT_MAX);
	put_fields(text, line);
}

size_t log_format_line(
	const struct log_line *line, const struct log_style *style, char text[static LOG_LINE_MAX])
{
	struct text out = {
		.at = text,
		.end = text + LOG_LINE_MAX,
		.json = style->format == LOG_FORMAT_JSON,
	};

	if (out.json)
		put_json(&out, line);
	else
		put_plain(&out, style, line);
	put(&out, "\n");
	return (size_t)(out.at - text);
}
