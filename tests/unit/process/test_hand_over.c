/* What a worker makes of the words that a child writes into their memory, and of its time. The child is the test: it
 * writes while the worker sends replies, and the clock goes on when the worker waits, or the test says so. */
/* link: -Wl,--wrap=outside_reply,--wrap=outside_fail,--wrap=outside_may_run,--wrap=outside_flush */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_wait,--wrap=children_blame,--wrap=preadv2 */
/* link: -Wl,--wrap=outside_lend,--wrap=outside_return,--wrap=handler_do */
#include "process/hand_over.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/children.h"

#define REQUESTS 3
#define TIMEOUT_NS NS_PER_S

struct fixture {
	struct children children;
	struct child child;
	struct worker_shared shared;
	struct worker worker;
	struct log *log;
	struct outside_batch batch;
	void (*turn)(struct fixture *fixture); /* the child's */
	void (*blamed)(struct fixture *fixture);
	unsigned turns, calls;
	bool replied[REQUESTS], failed[REQUESTS];
};

static struct fixture *fixture;
static int64_t clock_ns;
static int read_error; /* of the eventfd; 0: the kernel's */

/* --- instead of the engine and the kernel */

static void settle(struct outside_request *request, bool *what)
{
	what[request - fixture->batch.requests] = true;
	request->ended = true;
	fixture->batch.left--;
}

void __wrap_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more);
void __wrap_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error);
bool __wrap_outside_may_run(
	struct outside_batch *batch, struct outside_request *request, int64_t now_ns);
void __wrap_outside_flush(struct outside_batch *batch);
void __wrap_outside_lend(struct outside_batch *batch, const struct outside_request *request,
	struct handler_request *ret_lent);
void __wrap_outside_return(const struct outside_batch *batch, struct outside_request *request);
int __wrap_handler_do(const struct handler_request *request, const struct handler_call *call);
int64_t __wrap_sys_monotonic_ns(void);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
void __wrap_children_blame(struct child *child, enum child_fault fault, const char *reason);
void __real_children_blame(struct child *child, enum child_fault fault, const char *reason);
ssize_t __wrap_preadv2(int fd, const struct iovec *vectors, int count, off_t offset, int flags);
ssize_t __real_preadv2(int fd, const struct iovec *vectors, int count, off_t offset, int flags);

void __wrap_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more)
{
	(void)batch, (void)data, (void)length, (void)more;
	settle(request, fixture->replied);
}

void __wrap_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error)
{
	(void)batch, (void)error;
	assert_int_equal(failure, FAIL_CHILD);
	settle(request, fixture->failed);
}

/* Once the child is gone there is no other. */
bool __wrap_outside_may_run(
	struct outside_batch *batch, struct outside_request *request, int64_t now_ns)
{
	(void)batch, (void)now_ns;
	if (fixture->child.state == CHILD_TAKEN)
		return true;
	request->ended = true;
	fixture->batch.left--;
	return false;
}

void __wrap_outside_flush(struct outside_batch *batch)
{
	(void)batch;
	fixture->turns++;
	fixture->turn(fixture);
}

void __wrap_outside_lend(struct outside_batch *batch, const struct outside_request *request,
	struct handler_request *ret_lent)
{
	(void)batch, (void)request, (void)ret_lent;
}

void __wrap_outside_return(const struct outside_batch *batch, struct outside_request *request)
{
	(void)batch, (void)request;
}

int __wrap_handler_do(const struct handler_request *request, const struct handler_call *call)
{
	(void)request, (void)call;
	fixture->calls++;
	return 0;
}

int64_t __wrap_sys_monotonic_ns(void)
{
	return clock_ns;
}

int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	int ready = poll(fds, count, 0);

	if (ready == 0)
		clock_ns += timeout_ms * NS_PER_MS;
	return ready;
}

void __wrap_children_blame(struct child *child, enum child_fault fault, const char *reason)
{
	__real_children_blame(child, fault, reason);
	if (fixture->blamed != NULL)
		fixture->blamed(fixture);
}

ssize_t __wrap_preadv2(int fd, const struct iovec *vectors, int count, off_t offset, int flags)
{
	if (read_error == 0)
		return __real_preadv2(fd, vectors, count, offset, flags);
	errno = read_error;
	return -1;
}

/* --- the child */

static void has_done(struct fixture *of, uint32_t begun, uint32_t done)
{
	struct shared_page *page = of->child.shared.page;

	for (uint32_t i = 0; i < done; i++)
		atomic_store(&page->results[i], 1);
	atomic_store(&page->begun, begun);
	atomic_store(&page->done, done);
}

static void rings(const struct fixture *of)
{
	shared_tell(&of->child.shared);
}

/* --- the fixture */

static void make_batch(struct fixture *of)
{
	struct outside_batch *batch = &of->batch;

	of->worker.shared = &of->shared;
	batch->worker = &of->worker;
	batch->count = batch->left = REQUESTS;
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct datagram *job = calloc(1, sizeof(*job) + 1);

		assert_non_null(job);
		assert_int_equal(addr_parse("192.0.2.1", 2000, &job->client), 0);
		job->expires_ns = INT64_MAX;
		job->length = 1;
		*(char *)job->data = (char)('a' + i);
		batch->requests[i] = (struct outside_request){ .datagram = job, .length = -1 };
	}
}

static int begin(void **state)
{
	const struct log_settings settings = { LOG_LEVEL_ERROR, "logfmt", "never", "none" };

	fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	*state = fixture;
	clock_ns = 1000 * NS_PER_S;
	lock_init(&fixture->children.lock);
	quarantine_init(&fixture->children.quarantine);
	fixture->children.timeout_ms = TIMEOUT_NS / NS_PER_MS;
	fixture->children.given.fd = eventfd(0, EFD_CLOEXEC);
	fixture->children.free = &fixture->child;
	fixture->child.children = &fixture->children;
	fixture->child.state = CHILD_FREE;
	fixture->child.fd = -1; /* it needs no ring */
	fixture->child.requests_max = UINT_MAX;
	fixture->child.process.pidfd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(shared_new(&fixture->child.shared, 10, 10), 0);
	assert_int_equal(log_new(&settings, 1, &fixture->log), 0);
	assert_int_equal(log_add_ring(fixture->log, LOG_WORKER, 0, &fixture->worker.log), 0);
	make_batch(fixture);
	return 0;
}

static int finish(void **state)
{
	struct fixture *of = *state;

	for (unsigned i = 0; i < REQUESTS; i++)
		free(of->batch.requests[i].datagram);
	shared_free(&of->child.shared);
	close(of->child.process.pidfd);
	close(of->children.given.fd);
	quarantine_destroy(&of->children.quarantine);
	lock_destroy(&of->children.lock);
	log_free(of->log);
	free(of);
	return 0;
}

static void run(struct fixture *of, void (*turn)(struct fixture *fixture))
{
	of->turn = turn;
	atomic_store(&of->children.closed, true); /* nobody waits for another child */
	hand_over_run(&of->children.outside, &of->batch);
}

static void must_have_replied(const struct fixture *of, unsigned count)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(of->replied[i], i < count);
}

/* --- the cases */

static void does_all_while_the_worker_is_away(struct fixture *of)
{
	has_done(of, REQUESTS, REQUESTS);
	rings(of);
	clock_ns += 2 * TIMEOUT_NS;
}

static void test_what_is_done_when_time_is_over_counts(void **state)
{
	struct fixture *of = *state;

	run(of, does_all_while_the_worker_is_away);
	must_have_replied(of, REQUESTS);
	assert_int_equal(of->child.state, CHILD_FREE);
}

static void does_one_in_its_time(struct fixture *of)
{
	clock_ns += TIMEOUT_NS * 9 / 10;
	has_done(of, of->turns + 1, of->turns);
	rings(of);
}

static void test_each_request_has_its_time(void **state)
{
	struct fixture *of = *state;

	run(of, does_one_in_its_time);
	must_have_replied(of, REQUESTS);
	assert_int_equal(of->child.state, CHILD_FREE);
}

/* Whether a child died of this one. */
static bool is_guilty(struct fixture *of, unsigned index)
{
	struct quarantine *quarantine = &of->children.quarantine;
	uint64_t hash = quarantine_hash(quarantine, of->batch.requests[index].datagram);

	return quarantine_note(quarantine, hash, clock_ns); /* it was the second time */
}

static void does_one_and_no_more(struct fixture *of)
{
	has_done(of, 2, 1);
}

/* After the worker has looked for the last time. */
static void goes_on(struct fixture *of)
{
	has_done(of, 3, 2);
}

static void test_what_it_does_when_it_is_given_up_counts(void **state)
{
	struct fixture *of = *state;

	of->blamed = goes_on;
	run(of, does_one_and_no_more);
	must_have_replied(of, 2);
	assert_true(of->failed[2]);
	assert_int_equal(of->child.state, CHILD_GIVEN);
	assert_int_equal(of->child.fault, CHILD_LATE);
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_false(is_guilty(of, i));
}

static void test_one_that_is_late_is_asked_no_more(void **state)
{
	struct fixture *of = *state;

	run(of, does_one_and_no_more);
	must_have_replied(of, 1);
	assert_int_equal(of->child.fault, CHILD_LATE);
	assert_int_equal(atomic_load(&of->child.shared.page->asked), 0);
	for (unsigned i = 0; i < REQUESTS; i++) {
		assert_int_equal(of->failed[i], i == 1);
		assert_int_equal(is_guilty(of, i), i == 1);
	}
}

static void calls(struct fixture *of)
{
	has_done(of, 1, 0);
	atomic_store(&of->child.shared.page->calling, 1);
	rings(of);
	clock_ns += 2 * TIMEOUT_NS;
}

static void calls_once(struct fixture *of)
{
	if (of->turns == 1)
		calls(of);
	else
		does_all_while_the_worker_is_away(of);
}

static void test_one_that_waits_for_the_worker_is_not_late(void **state)
{
	struct fixture *of = *state;

	run(of, calls_once);
	must_have_replied(of, REQUESTS);
	assert_int_equal(of->calls, 1);
	assert_int_equal(of->child.state, CHILD_FREE);
}

static void test_one_that_always_calls_is_late(void **state)
{
	struct fixture *of = *state;

	run(of, calls);
	must_have_replied(of, 0);
	assert_int_equal(of->calls, 1);
	assert_int_equal(of->child.fault, CHILD_LATE);
	assert_true(is_guilty(of, 0));
}

static void does_one_quickly(struct fixture *of)
{
	if (of->turns == 1) {
		has_done(of, 2, 1);
		return;
	}
	assert_true(of->replied[0]);
	assert_true(clock_ns <= 1000 * NS_PER_S + 2 * NS_PER_MS);
	has_done(of, REQUESTS, REQUESTS);
	rings(of);
}

static void test_a_reply_does_not_wait_for_a_slow_request_behind_it(void **state)
{
	struct fixture *of = *state;

	run(of, does_one_quickly);
	must_have_replied(of, REQUESTS);
}

static void calls_when_all_is_done(struct fixture *of)
{
	has_done(of, REQUESTS, REQUESTS);
	atomic_store(&of->child.shared.page->calling, 1);
	rings(of);
}

static void test_one_that_calls_for_no_request_is_given_up(void **state)
{
	struct fixture *of = *state;

	run(of, calls_when_all_is_done);
	must_have_replied(of, REQUESTS);
	assert_int_equal(of->child.fault, CHILD_BAD);
	assert_int_equal(of->child.state, CHILD_GIVEN);
}

static void test_a_kernel_that_cannot_read_without_waiting_is_refused(void **state)
{
	struct shared shared;

	(void)state;
	read_error = EOPNOTSUPP;
	assert_int_equal(shared_new(&shared, 10, 10), -EOPNOTSUPP);
	read_error = 0;
	assert_null(shared.page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_done_when_time_is_over_counts, begin, finish),
		cmocka_unit_test_setup_teardown(test_each_request_has_its_time, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_what_it_does_when_it_is_given_up_counts, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_one_that_is_late_is_asked_no_more, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_one_that_waits_for_the_worker_is_not_late, begin, finish),
		cmocka_unit_test_setup_teardown(test_one_that_always_calls_is_late, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_a_reply_does_not_wait_for_a_slow_request_behind_it, begin, finish),
		cmocka_unit_test_setup_teardown(
			test_one_that_calls_for_no_request_is_given_up, begin, finish),
		cmocka_unit_test(test_a_kernel_that_cannot_read_without_waiting_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
