#include "load/payload.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "load/question.h"

#define SIZE_DEFAULT 32 /* has room for the number */
#define CACHE_LINE 64

/* What --text, --hex, --file, --dns or --ntp gives: `given` is false without them. */
struct pattern {
	uint8_t bytes[LOAD_PAYLOAD_MAX + 1];
	size_t length;
	struct load_id id; /* bytes 0: it has no number of its own */
	bool given;
};

static int refuse_payload(const char *what, const char *why)
{
	(void)fprintf(stderr, "dgramload: %s: %s\n", what, why);
	return -EINVAL;
}

static int read_text(const char *text, struct pattern *pattern)
{
	pattern->length = strlen(text);
	if (pattern->length > LOAD_PAYLOAD_MAX)
		return refuse_payload("--text", "longer than a datagram");
	memcpy(pattern->bytes, text, pattern->length);
	return 0;
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Blanks and colons may stand between bytes. */
static int read_hex(const char *text, struct pattern *pattern)
{
	while (*text != '\0') {
		if (*text == ' ' || *text == ':') {
			text++;
			continue;
		}
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
			return refuse_payload("--hex takes pairs of hexadecimal digits, not", text);
		if (pattern->length == LOAD_PAYLOAD_MAX)
			return refuse_payload("--hex", "longer than a datagram");
		pattern->bytes[pattern->length++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return 0;
}

static int read_payload_file(const char *path, struct pattern *pattern)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = 1;
	int error = 0;

	if (fd < 0)
		return refuse_payload(path, strerrordesc_np(errno));
	while (count > 0 && pattern->length < sizeof(pattern->bytes)) {
		count = read(fd, pattern->bytes + pattern->length,
			sizeof(pattern->bytes) - pattern->length);
		if (count > 0)
			pattern->length += (size_t)count;
	}
	if (count < 0)
		error = refuse_payload(path, strerrordesc_np(errno));
	else if (pattern->length > LOAD_PAYLOAD_MAX)
		error = refuse_payload(path, "longer than a datagram");
	close(fd);
	return error;
}

static int read_question(const struct load_options *options, struct pattern *pattern)
{
	struct load_question question;

	if (options->ntp)
		load_question_ntp(&question);
	else if (load_question_dns(options->dns, &question) < 0)
		return refuse_payload("--dns takes NAME or NAME/TYPE, not", options->dns);
	memcpy(pattern->bytes, question.bytes, question.length);
	pattern->length = question.length;
	pattern->id = question.id;
	return 0;
}

static int read_pattern(const struct load_options *options, struct pattern *pattern)
{
	pattern->length = 0;
	pattern->id = (struct load_id){ .bytes = 0 };
	pattern->given = true;
	if (options->text != NULL)
		return read_text(options->text, pattern);
	if (options->hex != NULL)
		return read_hex(options->hex, pattern);
	if (options->file != NULL)
		return read_payload_file(options->file, pattern);
	if (options->dns != NULL || options->ntp)
		return read_question(options, pattern);
	pattern->given = false;
	return 0;
}

static size_t size_of(const struct load_options *options, const struct pattern *pattern)
{
	if (options->sized)
		return options->size;
	if (pattern->given)
		return pattern->length;
	return options->mode == LOAD_SINGLE && !options->random ? 0 : SIZE_DEFAULT;
}

/* getrandom(2) gives up to 256 bytes at once. */
static void fill_random(uint8_t *bytes, size_t size)
{
	for (size_t done = 0; done < size; done += 256)
		sys_random(bytes + done, size - done < 256 ? size - done : 256);
}

/* A load of payloads that nobody gave is numbered where it has room, and so is what must be an
 * echo. */
static struct load_id id_of(
	const struct load_options *options, const struct pattern *pattern, size_t size)
{
	static const struct load_id first = { .offset = 0, .bytes = LOAD_ID_BYTES_MAX };

	if (options->id.bytes > 0)
		return options->id;
	if (pattern->given && !options->check)
		return pattern->id;
	if (options->mode == LOAD_SINGLE || (size < first.bytes && !options->check))
		return (struct load_id){ .bytes = 0 };
	return first;
}

static int number_payload(const struct load_options *options, const struct pattern *pattern,
	struct load_payload *payload)
{
	char needs[120];

	payload->id = id_of(options, pattern, payload->size);
	payload->numbers_back = options->check || options->id.bytes > 0 || pattern->id.bytes > 0;
	sys_random(&payload->run, sizeof(payload->run));
	if (payload->id.bytes == 0 || payload->id.offset + payload->id.bytes <= payload->size)
		return 0;
	(void)snprintf(needs, sizeof(needs), "its number ends at byte %zu, and a request has %zu",
		payload->id.offset + payload->id.bytes, payload->size);
	return refuse_payload(options->id.bytes > 0 ? "--id-at" : "--check", needs);
}

int load_payload_make(const struct load_options *options, struct load_payload *ret_payload)
{
	struct load_payload payload;
	struct pattern pattern;
	int error = read_pattern(options, &pattern);

	if (error < 0)
		return error;
	payload.size = size_of(options, &pattern);
	payload.stride = (payload.size / CACHE_LINE + 1) * CACHE_LINE;
	payload.min_answer = options->min_answer < SIZE_MAX ? options->min_answer
							    : payload.size > 0;
	error = number_payload(options, &pattern, &payload);
	if (error < 0)
		return error;
	payload.bytes = calloc(LOAD_VARIANTS, payload.stride);
	if (payload.bytes == NULL) {
		(void)refuse_payload("payload", strerrordesc_np(ENOMEM));
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < LOAD_VARIANTS; i++) {
		if (options->random)
			fill_random(load_payload_bytes(&payload, i), payload.size);
		else
			memcpy(load_payload_bytes(&payload, i), pattern.bytes,
				pattern.length < payload.size ? pattern.length : payload.size);
	}
	*ret_payload = payload;
	return 0;
}

void load_payload_free(struct load_payload *payload)
{
	free(payload->bytes);
	payload->bytes = NULL;
}

uint8_t *load_payload_bytes(const struct load_payload *payload, uint64_t number)
{
	return payload->bytes + number % LOAD_VARIANTS * payload->stride;
}

void load_payload_stamp(const struct load_payload *payload, uint64_t number)
{
	load_id_write(&payload->id, payload->run + number, load_payload_bytes(payload, number));
}

bool load_payload_read_number(const struct load_payload *payload, const struct load_answer *answer,
	uint64_t next, uint64_t *ret_number)
{
	uint64_t value, before; /* the newest request */

	if (payload->id.bytes == 0 ||
		!load_id_read(&payload->id, answer->bytes, answer->length, &value))
		return false;
	before = payload->run + next - 1 - value;
	if (payload->id.bytes < LOAD_ID_BYTES_MAX)
		before %= load_id_count(&payload->id);
	if (before >= next)
		return false;
	*ret_number = next - 1 - before;
	return true;
}

/* load_payload_read_number() has compared the number. */
bool load_payload_is_echo(
	const struct load_payload *payload, const struct load_answer *answer, uint64_t number)
{
	const uint8_t *sent = load_payload_bytes(payload, number);
	size_t begin = payload->id.offset, end = begin + payload->id.bytes;

	return answer->length == payload->size && memcmp(answer->bytes, sent, begin) == 0 &&
	       memcmp(answer->bytes + end, sent + end, payload->size - end) == 0;
}
