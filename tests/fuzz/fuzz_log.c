/* Lines of the log with whatever strangers and handlers put into them: each is one line of printable ASCII, of a
 * bounded length, and as JSON it parses. */
/* parses: log/format */
#include "input.h"

#include <cjson/cJSON.h>

#include "log/format.h"

#define FIELDS_MAX 40u

static char *texts[FIELDS_MAX];

static struct log_field take_field(struct input *input, unsigned number)
{
	static const char *const keys[] = { "client", "service", "error", "bytes",
		"a_rather_long_key" };
	const char *key = keys[number % 5];
	uint8_t kind = input_byte(input);
	static union addr addr;

	switch (kind % 6) {
	case 0:
		return log_uint(key, (uint64_t)input_short(input) << (kind >> 2));
	case 1:
		return log_int(key, -(int64_t)input_short(input));
	case 2:
		return log_text(key, texts[number] = input_line(input));
	case 3:
		texts[number] = input_line(input);
		return log_bytes(
			key, texts[number], texts[number] != NULL ? strlen(texts[number]) + 1 : 0);
	case 4:
		addr = (union addr){ 0 };
		input_fill(input, &addr.in6.sin6_port, sizeof(addr.in6) - 2);
		addr.sa.sa_family = kind & 8 ? AF_INET : AF_INET6;
		return log_addr(key, &addr);
	default:
		return log_errno(key, input_short(input) % 600);
	}
}

static void check_line(const struct log_line *line, const struct log_style *style)
{
	char text[LOG_LINE_MAX];
	size_t length = log_format_line(line, style, text);
	cJSON *root;

	must(length > 0 && length <= sizeof(text) && text[length - 1] == '\n');
	for (size_t i = 0; i + 1 < length; i++)
		must((text[i] >= ' ' && text[i] <= '~') || (style->color && text[i] == '\033'));
	if (style->format != LOG_FORMAT_JSON)
		return;
	root = cJSON_ParseWithLength(text, length);
	must(cJSON_IsObject(root));
	cJSON_Delete(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct log_field fields[FIELDS_MAX];
	uint8_t source = input_byte(&input);
	char *event = input_line(&input);
	struct log_line line = { .level = source % 4,
		.source = { source / 4 % 3, source / 16 },
		.realtime_ns = (int64_t)input_short(&input) << 46,
		.event = event != NULL ? event : "",
		.fields = fields };

	memset(texts, 0, sizeof(texts));
	while (input.left > 0 && line.count < FIELDS_MAX) {
		fields[line.count] = take_field(&input, (unsigned)line.count);
		line.count++;
	}
	for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JOURNAL; format++)
		check_line(&line, &(struct log_style){ (enum log_format)format, false });
	check_line(&line, &(struct log_style){ LOG_FORMAT_LOGFMT, true });
	for (unsigned i = 0; i < FIELDS_MAX; i++)
		free(texts[i]);
	free(event);
	return 0;
}
