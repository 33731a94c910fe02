#include "load/single.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "load/client.h"

#define ROW_BYTES 16
#define ANSWER_MAX 65536

static bool is_ascii_text(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f;
}

/* Whether it is lines of printable ASCII. The last line may lack its newline. */
static bool is_text(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool line_end = bytes[i] == '\n' ||
				(bytes[i] == '\r' && i + 1 < length && bytes[i + 1] == '\n');

		if (!is_ascii_text(bytes[i]) && !line_end && bytes[i] != '\t')
			return false;
	}
	return true;
}

static void print_answer_text(const uint8_t *bytes, size_t length, FILE *file)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\r')
			(void)fputc(bytes[i], file);
	}
	if (length == 0 || bytes[length - 1] != '\n')
		(void)fputc('\n', file);
}

static void print_hex_row(const uint8_t *bytes, size_t offset, size_t length, FILE *file)
{
	(void)fprintf(file, "%04zx ", offset);
	for (size_t i = 0; i < ROW_BYTES; i++) {
		if (i < length)
			(void)fprintf(file, " %02x", bytes[offset + i]);
		else
			(void)fputs("   ", file);
	}
	(void)fputs("  ", file);
	for (size_t i = 0; i < length; i++)
		(void)fputc(is_ascii_text(bytes[offset + i]) ? bytes[offset + i] : '.', file);
	(void)fputc('\n', file);
}

/* Nothing that comes from the network controls the terminal. */
static void print_answer(const uint8_t *bytes, size_t length, FILE *file)
{
	if (is_text(bytes, length)) {
		print_answer_text(bytes, length, file);
		return;
	}
	for (size_t offset = 0; offset < length; offset += ROW_BYTES)
		print_hex_row(bytes, offset,
			length - offset < ROW_BYTES ? length - offset : ROW_BYTES, file);
}

static void report_no_answer(const struct load_options *options, int error, uint64_t too_short)
{
	char server[ADDR_TEXT_MAX];

	addr_format(&options->server, server);
	if (error == -ETIMEDOUT)
		(void)fprintf(stderr, "dgramload: no answer from %s within %.0f ms%s\n", server,
			(double)options->timeout_ns / (double)NS_PER_MS,
			too_short > 0 ? ", but what is too short for one" : "");
	else if (error == -ECONNREFUSED)
		(void)fprintf(stderr, "dgramload: nothing listens at %s\n", server);
	else
		(void)fprintf(stderr, "dgramload: %s: %s\n", server, strerrordesc_np(-error));
}

/* Returns the length of the answer, or -errno. */
static ssize_t exchange(const struct load_payload *payload, int64_t timeout_ns, int fd,
	uint8_t answer[static ANSWER_MAX], uint64_t *too_short)
{
	int64_t left_ns, end_ns = sys_monotonic_ns() + timeout_ns;
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	ssize_t length;

	if (send(fd, payload->bytes, payload->size, MSG_NOSIGNAL) < 0)
		return -errno;
	while ((left_ns = end_ns - sys_monotonic_ns()) > 0) {
		(void)sys_wait(&waiting, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
		length = recv(fd, answer, ANSWER_MAX, MSG_DONTWAIT);
		if (length >= 0 && (size_t)length >= payload->min_answer)
			return length;
		if (length >= 0)
			++*too_short;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -ETIMEDOUT;
}

/* `length`: of the answer, or -errno. */
static void count(struct load_result *result, ssize_t length, int64_t latency_ns)
{
	struct load_request request;
	struct load_window window;

	result->due = 1;
	result->seconds = (double)latency_ns / (double)NS_PER_S;
	if (length < 0 && length != -ETIMEDOUT && length != -ECONNREFUSED) {
		result->send_errors = 1;
		result->send_error = (int)-length;
		return;
	}
	load_window_init(&window, &result->counters, &request, 1);
	load_window_sent(&window, 0, 0);
	if (length >= 0) {
		load_window_answer(&window, 0, latency_ns);
		result->bytes_received = (uint64_t)length;
	}
	result->refused = length == -ECONNREFUSED;
	load_window_expire(&window, INT64_MAX);
}

int load_single(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result)
{
	static uint8_t answer[ANSWER_MAX];
	int64_t begin_ns;
	ssize_t length;
	int fd;
	int error = load_client_open(options, 0, &fd);

	if (error < 0)
		return error;
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->mode = LOAD_SINGLE;
	ret_result->size = payload->size;
	ret_result->counters.timeout_ns = INT64_MAX - 1; /* exchange() has applied the timeout */
	load_payload_stamp(payload, 0);
	begin_ns = sys_monotonic_ns();
	length =
		exchange(payload, options->timeout_ns, fd, answer, &ret_result->counters.too_short);
	count(ret_result, length, sys_monotonic_ns() - begin_ns);
	close(fd);
	if (length < 0) {
		report_no_answer(options, (int)length, ret_result->counters.too_short);
		return -EIO;
	}
	if (!options->json)
		print_answer(answer, (size_t)length, stdout);
	return 0;
}
