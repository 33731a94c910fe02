/* How many children there may be, with those that take their time to end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "process/children.h"

static void ignore(void *context, unsigned serving)
{
	(void)context;
	(void)serving;
}

/* All places are taken by what ends: the next one has to wait. */
static void test_none_starts_without_a_place(void **state)
{
	static char *const environment[] = { NULL };
	static char *const arguments[] = { (char *)"true", NULL };
	const struct log_settings settings = { LOG_LEVEL_ERROR, "logfmt", "never", "none" };
	const struct children_program program = {
		.command = { "/bin/true", arguments, environment, .binary = true },
		.service = "test",
		.request_bytes = 100,
		.reply_bytes = 100,
	};
	const struct children_limits limits = { .wanted = DGRAM_WORKERS_MAX,
		.start_timeout_ms = 600000 };
	const size_t places = sizeof(((struct children *)NULL)->all) / sizeof(struct child *);
	struct events events;
	struct children_host host = { .events = &events, .changed = ignore };
	struct children *children;
	struct log *log;

	(void)state;
	assert_int_equal(events_open(&events), 0);
	assert_int_equal(log_new(&settings, 1, &log), 0);
	assert_int_equal(log_add_ring(log, LOG_MAIN, 0, &host.log), 0);
	assert_int_equal(children_new(&program, &host, &children), 0);
	for (size_t i = 0; i < places; i++) {
		children->all[i] = calloc(1, sizeof(struct child));
		assert_non_null(children->all[i]);
		children->all[i]->children = children;
		children->all[i]->state = CHILD_ENDING;
	}
	children_limit(children, &limits);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(children->counts.start_failed, 0);
	for (size_t i = 0; i < places; i++)
		assert_int_equal(children->all[i]->state, CHILD_ENDING);
	children_free(children);
	events_close(&events);
	log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_starts_without_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
