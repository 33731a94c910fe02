/* Answers that dgramload gets, whoever sent them: each request ends once in its counts, and nothing of an answer
 * controls the terminal. */
/* parses: load/loop load/single load/window */
/* link: -Wl,--wrap=sys_send,--wrap=sys_receive,--wrap=sys_wait,--wrap=sys_monotonic_ns,--wrap=epoll_pwait2 */
/* link: -Wl,--wrap=send,--wrap=recv,--wrap=sys_random,--wrap=epoll_create1,--wrap=epoll_ctl */
#include "input.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/sys.h"
#include "load/loop.h"
#include "load/single.h"

#define SIZE_MOST 40u

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_receive(int fd, struct mmsghdr *messages, unsigned count);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
int64_t __wrap_sys_monotonic_ns(void);
int __wrap_epoll_pwait2(int fd, struct epoll_event *ready, int most, const struct timespec *timeout,
	const sigset_t *signals);
int __wrap_epoll_create1(int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
int __real_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
void __wrap_sys_random(void *bytes, size_t length);
ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags);

static struct input script;
static int64_t now_ns;
static uint8_t requests[256][SIZE_MOST]; /* the last that were sent */
static unsigned sent;
static size_t request_length;
static unsigned sockets;
static bool no_epoll, no_watch;

int64_t __wrap_sys_monotonic_ns(void)
{
	return now_ns;
}

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	static const int errors[] = { EAGAIN, ECONNREFUSED, ENOBUFS, EPERM };
	uint8_t what = input_byte(&script);

	(void)fd;
	if (what >= 0xf0)
		return -errors[what % 4];
	if (what >= 0xe0)
		count = 1;
	for (unsigned i = 0; i < count; i++) {
		const struct iovec *part = messages[i].msg_hdr.msg_iov;

		must(part->iov_len <= SIZE_MOST);
		request_length = part->iov_len;
		memcpy(requests[sent++ % 256], part->iov_base, request_length);
	}
	return (int)count;
}

void __wrap_sys_random(void *bytes, size_t length)
{
	memset(bytes, 0x5a, length);
}

/* What was asked, with or without a change, or anything. */
static size_t make_answer(uint8_t *to, size_t room)
{
	uint8_t kind = input_byte(&script);
	size_t length = kind & 1 ? request_length : input_byte(&script);

	if (length > room)
		length = room;
	input_fill(&script, to, length);
	if (kind & 1)
		memcpy(to, requests[(sent - 1 - (kind & 8 ? input_byte(&script) : 0)) % 256],
			length);
	if ((kind & 2) != 0 && length > 0)
		to[input_byte(&script) % length] += input_byte(&script);
	if (kind & 4)
		return length + kind; /* it was cut */
	return length;
}

int __wrap_sys_receive(int fd, struct mmsghdr *messages, unsigned count)
{
	uint8_t what = input_byte(&script);
	unsigned answers = what % 5;

	(void)fd;
	if (what >= 0xf0)
		return what & 1 ? -ECONNREFUSED : -EAGAIN;
	must(answers <= count);
	for (unsigned i = 0; i < answers; i++) {
		const struct iovec *part = messages[i].msg_hdr.msg_iov;

		messages[i].msg_len = (unsigned)make_answer(
			part->iov_base, part->iov_len < 255 ? part->iov_len : 255);
	}
	return answers > 0 ? (int)answers : -EAGAIN;
}

int __wrap_epoll_pwait2(int fd, struct epoll_event *ready, int most, const struct timespec *timeout,
	const sigset_t *signals)
{
	(void)fd, (void)most, (void)timeout, (void)signals;
	if (sockets == 0)
		return 0;
	ready[0].data.u32 = input_byte(&script) % sockets;
	return 1;
}

int __wrap_epoll_create1(int flags)
{
	errno = EMFILE;
	return no_epoll ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	errno = ENOSPC;
	return no_watch ? -1 : __real_epoll_ctl(epoll_fd, operation, fd, event);
}

static void check_counters(const struct load_counters *counters)
{
	must(counters->sent ==
		counters->answered + counters->lost + counters->late + counters->in_flight);
}

static void step(struct load_loop *loop)
{
	uint8_t what = input_byte(&script);
	int64_t until_ns = 0;

	now_ns += (int64_t)(what >> 3) * NS_PER_MS;
	if (what & 1)
		until_ns = load_loop_send(loop, load_loop_now_ns(loop));
	if (what & 2)
		load_loop_wait(loop, until_ns);
	if (what & 4)
		load_loop_expire(loop, load_loop_now_ns(loop));
	(void)load_loop_is_over(loop, load_loop_now_ns(loop));
	check_counters(&loop->result->counters);
}

static void run_loop(const struct load_options *options, const struct load_payload *payload)
{
	static struct load_result result;
	struct load_loop loop;

	memset(&result, 0, sizeof(result));
	result.counters.timeout_ns = options->timeout_ns;
	sockets = sent = 0;
	no_epoll = input_byte(&script) == 0xff;
	no_watch = input_byte(&script) == 0xff;
	if (load_loop_open(&loop, options, payload, &result) == 0) {
		sockets = options->sockets;
		while (script.left > 0)
			step(&loop);
		load_loop_expire(&loop, INT64_MAX);
		check_counters(&result.counters);
		must(result.counters.in_flight == 0);
		(void)load_window_knows_latency(&result.counters);
	}
	load_loop_close(&loop);
}

/* --- one request */

int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	(void)fds, (void)count;
	now_ns += script.left > 0 ? NS_PER_MS : timeout_ms * NS_PER_MS;
	return 1;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	(void)fd, (void)flags;
	must(length <= SIZE_MOST);
	request_length = length;
	if (length > 0)
		memcpy(requests[sent++ % 256], bytes, length);
	errno = ENOBUFS;
	return input_byte(&script) >= 0xf0 ? -1 : (ssize_t)length;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags)
{
	static const int errors[] = { EAGAIN, EINTR, ECONNREFUSED, EAGAIN };
	uint8_t what = input_byte(&script);

	(void)fd, (void)flags;
	errno = errors[what % 4];
	if (what >= 0xe0 || script.left == 0)
		return -1;
	if (what & 1)
		return (ssize_t)make_answer(bytes, length);
	if (length > script.left)
		length = script.left;
	input_fill(&script, bytes, length);
	return (ssize_t)length;
}

static void run_single(const struct load_options *options, const struct load_payload *payload)
{
	FILE *real_stdout = stdout, *real_stderr = stderr;
	static struct load_result result;
	char *said = NULL;
	size_t length;

	stdout = stderr = open_memstream(&said, &length);
	assert(stdout);
	(void)load_single(options, payload, &result);
	must(fclose(stdout) == 0);
	stdout = real_stdout;
	stderr = real_stderr;
	for (size_t i = 0; i < length; i++)
		must((said[i] >= ' ' && said[i] <= '~') || said[i] == '\n' || said[i] == '\t');
	check_counters(&result.counters);
	free(said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct load_options options = {
		.rate = 1000, .duration_ns = NS_PER_S, .count = UINT64_MAX
	};
	FILE *real_stderr = stderr;
	static FILE *quiet;
	struct load_payload payload;
	uint8_t how;

	script = (struct input){ data, size };
	how = input_byte(&script);
	options.mode = (enum load_mode)(how % 3);
	options.check = how & 4;
	options.min_answer = how & 8 ? 5 : SIZE_MAX;
	options.id = (struct load_id){ input_byte(&script) % 16, input_byte(&script) % 9,
		input_byte(&script) % 16 };
	options.sized = true;
	options.size = how >> 4 & 3 ? input_byte(&script) % SIZE_MOST : 0;
	options.sockets = 1 + (how >> 6);
	options.in_flight = 1u << (input_byte(&script) & 15);
	options.count = how & 16 ? input_byte(&script) : UINT64_MAX;
	options.gso = how & 64;
	options.warmup_ns = options.id.answer_offset & 1 ? 10 * NS_PER_MS : 0;
	options.timeout_ns = how & 32 ? NS_PER_MS : 20 * NS_PER_MS;
	must(addr_parse("127.0.0.1", 9, &options.server) == 0);
	now_ns = NS_PER_S;
	if (options.id.bytes + options.id.offset > options.size)
		options.id.bytes = 0;
	if (options.check && options.size < LOAD_ID_BYTES_MAX)
		options.check = false;
	must(load_payload_make(&options, &payload) == 0);
	if (quiet == NULL)
		quiet = fopen("/dev/null", "we");
	stderr = quiet;
	(options.mode == LOAD_SINGLE ? run_single : run_loop)(&options, &payload);
	stderr = real_stderr;
	load_payload_free(&payload);
	return 0;
}
