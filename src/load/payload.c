#include "load/payload.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"

#define LOAD_BYTES_DEFAULT 32
#define CACHE_LINE 64

struct pattern {
	uint8_t bytes[LOAD_PAYLOAD_MAX + 1];
	size_t length;
};

static int complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "dgramload: %s: %s\n", what, why);
	return -EINVAL;
}

static int out_of_memory(void)
{
	(void)complain("payload", strerrordesc_np(ENOMEM));
	return -ENOMEM;
}

static int read_text(const char *text, struct pattern *pattern)
{
	pattern->length = strlen(text);
	if (pattern->length > LOAD_PAYLOAD_MAX)
		return complain("--text", "longer than a datagram");
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
			return complain("--hex takes pairs of hexadecimal digits, not", text);
		if (pattern->length == LOAD_PAYLOAD_MAX)
			return complain("--hex", "longer than a datagram");
		pattern->bytes[pattern->length++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return 0;
}

static int read_file(const char *path, struct pattern *pattern)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = 1;
	int error = 0;

	if (fd < 0)
		return complain(path, strerrordesc_np(errno));
	while (count > 0 && pattern->length < sizeof(pattern->bytes)) {
		count = read(fd, pattern->bytes + pattern->length,
			sizeof(pattern->bytes) - pattern->length);
		if (count > 0)
			pattern->length += (size_t)count;
	}
	if (count < 0)
		error = complain(path, strerrordesc_np(errno));
	else if (pattern->length > LOAD_PAYLOAD_MAX)
		error = complain(path, "longer than a datagram");
	close(fd);
	return error;
}

static int read_pattern(const struct load_options *options, struct pattern *pattern)
{
	if (options->text != NULL)
		return read_text(options->text, pattern);
	if (options->hex != NULL)
		return read_hex(options->hex, pattern);
	if (options->file != NULL)
		return read_file(options->file, pattern);
	return 0;
}

static size_t size_of(const struct load_options *options, const struct pattern *pattern)
{
	if (options->sized)
		return options->size;
	if (options->text != NULL || options->hex != NULL || options->file != NULL)
		return pattern->length;
	return options->mode == LOAD_SINGLE && !options->random ? 0 : LOAD_BYTES_DEFAULT;
}

static void fill(struct load_payload *payload, const struct pattern *pattern)
{
	size_t length = pattern->length < payload->size ? pattern->length : payload->size;

	for (uint64_t variant = 0; variant < LOAD_VARIANTS; variant++)
		memcpy(load_payload_of(payload, variant), pattern->bytes, length);
}

static void fill_random(struct load_payload *payload)
{
	for (uint64_t variant = 0; variant < LOAD_VARIANTS; variant++) {
		uint8_t *bytes = load_payload_of(payload, variant);

		for (size_t done = 0; done < payload->size; done += 256)
			sys_random(bytes + done,
				payload->size - done < 256 ? payload->size - done : 256);
	}
}

static int make(const struct load_options *options, const struct pattern *pattern,
	struct load_payload *payload)
{
	bool own = options->text == NULL && options->hex == NULL && options->file == NULL;

	payload->size = size_of(options, pattern);
	payload->stride = (payload->size / CACHE_LINE + 1) * CACHE_LINE;
	payload->stamped = options->mode != LOAD_SINGLE &&
			   (options->check || (own && payload->size >= LOAD_STAMP_BYTES));
	if (payload->stamped && payload->size < LOAD_STAMP_BYTES)
		return complain("--check", "needs 12 bytes at least, for the sequence number");
	payload->bytes = calloc(LOAD_VARIANTS, payload->stride);
	if (payload->bytes == NULL)
		return out_of_memory();
	if (options->random)
		fill_random(payload);
	else
		fill(payload, pattern);
	sys_random(&payload->run, sizeof(payload->run));
	return 0;
}

int load_payload_make(const struct load_options *options, struct load_payload *ret_payload)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	struct load_payload payload = { .bytes = NULL };
	int error;

	if (pattern == NULL)
		return out_of_memory();
	error = read_pattern(options, pattern);
	if (error == 0)
		error = make(options, pattern, &payload);
	free(pattern);
	if (error < 0)
		return error;
	*ret_payload = payload;
	return 0;
}

void load_payload_free(struct load_payload *payload)
{
	free(payload->bytes);
	payload->bytes = NULL;
}

uint8_t *load_payload_of(const struct load_payload *payload, uint64_t number)
{
	return payload->bytes + number % LOAD_VARIANTS * payload->stride;
}

void load_payload_stamp(const struct load_payload *payload, uint64_t number)
{
	uint8_t *bytes = load_payload_of(payload, number);

	if (!payload->stamped)
		return;
	memcpy(bytes, &payload->run, sizeof(payload->run));
	memcpy(bytes + sizeof(payload->run), &number, sizeof(number));
}

bool load_payload_number(const struct load_payload *payload, const uint8_t *answer, size_t length,
	uint64_t *ret_number)
{
	if (!payload->stamped || length < LOAD_STAMP_BYTES ||
		memcmp(answer, &payload->run, sizeof(payload->run)) != 0)
		return false;
	memcpy(ret_number, answer + sizeof(payload->run), sizeof(*ret_number));
	return true;
}

/* The stamp was compared when the number was read. */
bool load_payload_is_echo(
	const struct load_payload *payload, uint64_t number, const uint8_t *answer, size_t length)
{
	return length == payload->size &&
	       memcmp(answer + LOAD_STAMP_BYTES,
		       load_payload_of(payload, number) + LOAD_STAMP_BYTES,
		       length - LOAD_STAMP_BYTES) == 0;
}
