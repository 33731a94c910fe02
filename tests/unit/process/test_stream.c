/* What becomes of requests that a child had together with one that it died of, or when the worker was away. The child
 * is a real one; what became of each is kept here instead of in the books. */
/* link: -Wl,--wrap=outside_reply,--wrap=outside_fail,--wrap=outside_may_run,--wrap=outside_flush,--wrap=sys_monotonic_ns */
/* link: -Wl,--wrap=recv */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "process/stream.h"

/* Answers, but not "skip", and dies of "die". */
static const char *const source =
	"import os, struct\n"
	"stream = os.fdopen(0, 'rb')\n"
	"os.write(1, b'dgram 1 binary\\n')\n"
	"while head := stream.read(16):\n"
	"    size, kind, _, meta, number = struct.unpack('<IBBHQ', head)\n"
	"    data = stream.read(size)[meta:]\n"
	"    if kind == 1:\n"
	"        if data == b'die':\n"
	"            os.abort()\n"
	"        if data == b'skip':\n"
	"            continue\n"
	"        os.write(1, struct.pack('<IBBHQ', len(data), 2, 0, 0, number) + data)\n";

#define REQUESTS 5

#define TIMEOUT_MS 60000

static const char *payloads[REQUESTS] = { "a", "die", "b", "c", "d" };

struct fixture {
	struct events events;
	struct log *log;
	struct log_ring *rings[2]; /* the owner's and the worker's */
	struct children *children;
	struct worker_shared shared;
	struct worker worker;
	struct outside_batch batch;
	atomic_bool done;
};

static bool replied[REQUESTS], failed[REQUESTS];

/* The worker is away until so many bytes of answers are there, and its time is over. */
static int away_until;
static _Atomic int64_t away_ns;

/* Each answer is there with the second look, and between two looks passes most of half its time. */
static bool is_slow;
static unsigned looks;

static void settle(struct outside_batch *batch, struct outside_request *request, bool *what)
{
	what[request - batch->requests] = true;
	request->ended = true;
	batch->left--;
}

void __wrap_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more);
void __wrap_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error);
bool __wrap_outside_may_run(
	struct outside_batch *batch, struct outside_request *request, int64_t now_ns);
void __wrap_outside_flush(struct outside_batch *batch);
int64_t __wrap_sys_monotonic_ns(void);
int64_t __real_sys_monotonic_ns(void);
ssize_t __wrap_recv(int fd, void *space, size_t room, int flags);
ssize_t __real_recv(int fd, void *space, size_t room, int flags);

void __wrap_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more)
{
	if (!more && length == request->datagram->length &&
		memcmp(data, request->datagram->data, length) == 0)
		settle(batch, request, replied);
}

void __wrap_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error)
{
	if (failure == FAIL_CHILD && error > 0)
		settle(batch, request, failed);
}

bool __wrap_outside_may_run(
	struct outside_batch *batch, struct outside_request *request, int64_t now_ns)
{
	(void)batch;
	return request->datagram->expires_ns > now_ns;
}

void __wrap_outside_flush(struct outside_batch *batch)
{
	const struct fixture *fixture = LINK_OWNER(batch, struct fixture, batch);
	int there = 0;

	while (there < away_until) {
		struct pollfd stream = { fixture->children->all[0]->fd, POLLIN, 0 };

		assert_int_equal(poll(&stream, 1, -1), 1);
		assert_int_equal(ioctl(stream.fd, FIONREAD, &there), 0);
	}
	if (away_until > 0)
		away_ns += TIMEOUT_MS * NS_PER_MS;
	away_until = 0;
	if (is_slow)
		away_ns += TIMEOUT_MS * NS_PER_MS * 45 / 100;
}

ssize_t __wrap_recv(int fd, void *space, size_t room, int flags)
{
	if (!is_slow || looks++ % 2 == 1)
		return __real_recv(fd, space, is_slow ? 16 + 1 : room, flags);
	errno = EAGAIN;
	return -1;
}

int64_t __wrap_sys_monotonic_ns(void)
{
	return __real_sys_monotonic_ns() + away_ns;
}

static void ignore(void *context, unsigned serving)
{
	(void)context;
	(void)serving;
}

static void make_children(struct fixture *fixture, bool rerun)
{
	static char *const environment[] = { NULL };
	static char *arguments[] = { "python3", "-S", "-E", "-c", NULL, NULL };
	const struct children_program program = {
		.command = { "/usr/bin/python3", arguments, environment, .binary = true },
		.service = "test",
		.request_bytes = 100,
		.reply_bytes = 100,
	};
	const struct children_host host = {
		.events = &fixture->events, .log = fixture->rings[0], .changed = ignore
	};
	const struct children_limits limits = {
		.wanted = 1, .start_timeout_ms = 60000, .timeout_ms = TIMEOUT_MS, .rerun = rerun
	};

	arguments[4] = (char *)(uintptr_t)source;
	assert_int_equal(children_new(&program, &host, &fixture->children), 0);
	children_limit(fixture->children, &limits);
}

static void make_batch(struct fixture *fixture)
{
	struct outside_batch *batch = &fixture->batch;

	fixture->worker.shared = &fixture->shared;
	fixture->worker.log = fixture->rings[1];
	batch->worker = &fixture->worker;
	batch->count = batch->left = REQUESTS;
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct datagram *job = calloc(1, sizeof(*job) + 100);

		assert_non_null(job);
		assert_int_equal(addr_parse("192.0.2.1", 2000, &job->client), 0);
		job->local = job->client;
		job->expires_ns = INT64_MAX;
		job->length = (uint32_t)strlen(payloads[i]);
		memcpy(job->data, payloads[i], job->length);
		batch->requests[i] = (struct outside_request){ .datagram = job, .length = -1 };
	}
}

/* The owner's loop ends when its timer finds that this is done. */
static void *work(void *argument)
{
	struct fixture *fixture = argument;

	stream_run(&fixture->children->outside, &fixture->batch);
	atomic_store(&fixture->done, true);
	(void)eventfd_write(fixture->children->given.fd, 1);
	return NULL;
}

static void run(struct fixture *fixture, bool rerun)
{
	const struct log_settings settings = { LOG_LEVEL_ERROR, "logfmt", "never", "none" };
	pthread_t thread;

	memset(replied, 0, sizeof(replied));
	memset(failed, 0, sizeof(failed));
	assert_int_equal(events_open(&fixture->events), 0);
	assert_int_equal(log_new(&settings, 1, &fixture->log), 0);
	assert_int_equal(log_add_ring(fixture->log, LOG_MAIN, 0, &fixture->rings[0]), 0);
	assert_int_equal(log_add_ring(fixture->log, LOG_WORKER, 0, &fixture->rings[1]), 0);
	make_children(fixture, rerun);
	make_batch(fixture);
	assert_int_equal(thread_start(work, fixture, &thread), 0);
	while (!atomic_load(&fixture->done))
		(void)events_step(&fixture->events);
	thread_join(thread);
	children_stop(fixture->children);
	for (unsigned i = 0; i < REQUESTS; i++)
		free(fixture->batch.requests[i].datagram);
}

static void finish(struct fixture *fixture)
{
	children_free(fixture->children);
	events_close(&fixture->events);
	log_free(fixture->log);
}

static void test_others_run_again(void **state)
{
	struct fixture fixture = { .done = false };

	(void)state;
	run(&fixture, true);
	for (unsigned i = 0; i < REQUESTS; i++) {
		assert_int_equal(replied[i], i != 1);
		assert_int_equal(failed[i], i == 1);
	}
	assert_int_equal(fixture.children->counts.crashed, 2);
	finish(&fixture);
}

static void test_without_rerun_they_fail(void **state)
{
	struct fixture fixture = { .done = false };

	(void)state;
	run(&fixture, false);
	for (unsigned i = 0; i < REQUESTS; i++) {
		assert_int_equal(replied[i], i == 0);
		assert_int_equal(failed[i], i != 0);
	}
	finish(&fixture);
}

static void test_what_is_answered_when_time_is_over_counts(void **state)
{
	struct fixture fixture = { .done = false };

	(void)state;
	payloads[1] = "e";
	away_until = REQUESTS * (16 + 1);
	run(&fixture, true);
	payloads[1] = "die";
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_true(replied[i]);
	assert_int_equal(fixture.children->counts.killed, 0);
	assert_int_equal(away_until, 0);
	finish(&fixture);
}

static void run_slowly(struct fixture *fixture, const char *first)
{
	payloads[0] = first;
	payloads[1] = "e";
	is_slow = true;
	looks = 0;
	run(fixture, false);
	is_slow = false;
	payloads[0] = "a";
	payloads[1] = "die";
}

static void test_each_request_has_its_time(void **state)
{
	struct fixture fixture = { .done = false };

	(void)state;
	run_slowly(&fixture, "a");
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_true(replied[i]);
	assert_int_equal(fixture.children->counts.killed, 0);
	finish(&fixture);
}

static void test_answers_out_of_order_give_the_oldest_no_more_time(void **state)
{
	struct fixture fixture = { .done = false };

	(void)state;
	run_slowly(&fixture, "skip");
	for (unsigned i = 0; i < REQUESTS; i++) {
		assert_int_equal(replied[i], i == 1);
		assert_int_equal(failed[i], i != 1);
	}
	finish(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_run_again),
		cmocka_unit_test(test_without_rerun_they_fail),
		cmocka_unit_test(test_what_is_answered_when_time_is_over_counts),
		cmocka_unit_test(test_each_request_has_its_time),
		cmocka_unit_test(test_answers_out_of_order_give_the_oldest_no_more_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
