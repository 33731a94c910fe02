#include "log/format.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "log/text.h"

#define EVENT_MAX 128
#define VALUE_MAX 512

/* A value is cut to no less; numbers and addresses fit. */
#define VALUE_MIN ADDR_TEXT_MAX

/* What a line may still need behind its fields: `,"fields_cut":N}` and the newline. */
#define TAIL_MAX 40

/* Around a key and a value: `,"":""` */
#define QUOTES_MAX 6

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

static void put_source(struct text *text, const struct log_source *source)
{
	static const char *const names[] = {
		[LOG_MAIN] = "main",
		[LOG_RECEIVER] = "receiver/",
		[LOG_WORKER] = "worker/",
	};

	text_put(text, names[source->speaker]);
	if (source->speaker != LOG_MAIN)
		text_put_uint(text, source->number);
}

static void put_key(struct text *text, enum log_format format, const char *key)
{
	text_put(text, format == LOG_FORMAT_JSON ? ",\"" : " ");
	text_put(text, key);
	text_put(text, format == LOG_FORMAT_JSON ? "\":" : "=");
}

static void put_string(struct text *text, enum log_format format, const char *bytes, size_t length)
{
	size_t looked_at = length < VALUE_MAX ? length : VALUE_MAX;

	if (format == LOG_FORMAT_LOGFMT || format == LOG_FORMAT_JOURNAL) {
		if (!text_needs_quotes(bytes, looked_at)) {
			text_put_escaped(text, TEXT_QUOTED, bytes, length, VALUE_MAX);
			return;
		}
	}
	text_put(text, "\"");
	text->end--;
	text_put_escaped(text, format == LOG_FORMAT_JSON ? TEXT_JSON : TEXT_QUOTED, bytes, length,
		VALUE_MAX);
	text->end++;
	text_put(text, "\"");
}

static void put_error(struct text *text, enum log_format format, int error)
{
	const char *known = strerrordesc_np(error);
	char unknown[32];

	(void)snprintf(unknown, sizeof(unknown), "unknown error %d", error);
	if (known == NULL)
		known = unknown;
	put_string(text, format, known, strlen(known));
}

static void put_value(struct text *text, enum log_format format, const struct log_field *field)
{
	char address[ADDR_TEXT_MAX];

	switch (field->type) {
	case LOG_FIELD_UINT:
		text_put_uint(text, field->u);
		break;
	case LOG_FIELD_INT:
		text_put_int(text, field->i);
		break;
	case LOG_FIELD_TEXT:
		put_string(text, format, field->text, strlen(field->text));
		break;
	case LOG_FIELD_BYTES:
		put_string(text, format, field->text, field->length);
		break;
	case LOG_FIELD_ADDR:
		(void)addr_format(field->addr, address);
		put_string(text, format, address, strlen(address));
		break;
	case LOG_FIELD_ERRNO:
		put_error(text, format, (int)field->i);
		break;
	}
}

static void put_number(struct text *text, enum log_format format, const char *key, uint64_t number)
{
	put_key(text, format, key);
	text_put_uint(text, number);
}

static void put_fields(struct text *text, enum log_format format, const struct log_line *line)
{
	size_t i;

	if (line->source.speaker == LOG_WORKER)
		put_number(text, format, "worker", line->source.number);
	text->end -= TAIL_MAX;
	for (i = 0; i < line->count; i++) {
		const struct log_field *field = &line->fields[i];

		if (strlen(field->key) + QUOTES_MAX + VALUE_MIN > text_room(text))
			break;
		put_key(text, format, field->key);
		put_value(text, format, field);
	}
	text->end += TAIL_MAX;
	if (i < line->count)
		put_number(text, format, "fields_cut", line->count - i);
}

static void put_json(struct text *text, const struct log_line *line)
{
	text_put(text, "{\"time\":\"");
	text_put_time(text, line->realtime_ns);
	text_put(text, "\",\"level\":\"");
	text_put(text, levels[line->level].name);
	text_put(text, "\",\"source\":\"");
	put_source(text, &line->source);
	text_put(text, "\",\"event\":\"");
	text_put_escaped(text, TEXT_JSON, line->event, strlen(line->event), EVENT_MAX);
	text_put(text, "\"");
	put_fields(text, LOG_FORMAT_JSON, line);
	text_put(text, "}");
}

static void put_plain(struct text *text, const struct log_style *style, const struct log_line *line)
{
	if (style->format == LOG_FORMAT_JOURNAL) {
		text_put(text, levels[line->level].priority);
	} else {
		text_put_time(text, line->realtime_ns);
		text_put(text, " ");
	}
	if (style->color)
		text_put(text, levels[line->level].color);
	text_put(text, levels[line->level].name);
	if (style->color)
		text_put(text, COLOR_END);
	text_put(text, " ");
	put_source(text, &line->source);
	text_put(text, " ");
	text_put_escaped(text, TEXT_BARE, line->event, strlen(line->event), EVENT_MAX);
	put_fields(text, style->format, line);
}

size_t log_format_line(
	const struct log_line *line, const struct log_style *style, char text[static LOG_LINE_MAX])
{
	struct text out = { .at = text, .end = text + LOG_LINE_MAX };

	if (style->format == LOG_FORMAT_JSON)
		put_json(&out, line);
	else
		put_plain(&out, style, line);
	text_put(&out, "\n");
	return (size_t)(out.at - text);
}
