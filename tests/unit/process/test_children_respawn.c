/* Children come and go while other threads of ours are in the C library, which has locks: 300 of them, or RESPAWNS. No
 * start waits for such a lock, and nothing of a child stays. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "process/children.h"
#include "scaled.h"

#define RESPAWNS 300
#define AT_ONCE 8
#define FDS 1024

struct fixture {
	struct events events;
	struct log *log;
	struct log_ring *ring;
	struct children *children;
	unsigned serving, came;
	atomic_bool over;
	_Atomic uint64_t turns[2];
	pthread_t spinners[2];
};

/* What stands open, and is mapped. */
struct holdings {
	unsigned fds, mappings;
};

/* --- who holds the locks */

/* Of sizes that no thread keeps for itself, in the one arena. */
static void *spin_malloc(void *argument)
{
	struct fixture *fixture = argument;
	void *kept[16] = { NULL };

	for (unsigned i = 0; !atomic_load(&fixture->over); i++) {
		free(kept[i % 16]);
		kept[i % 16] = malloc(2000 + i % 7 * 100);
		fixture->turns[0]++;
	}
	for (unsigned i = 0; i < 16; i++)
		free(kept[i]);
	return NULL;
}

static void *spin_localtime(void *argument)
{
	struct fixture *fixture = argument;
	struct tm parts;

	for (time_t now = 0; !atomic_load(&fixture->over); now++) {
		(void)localtime_r(&now, &parts);
		fixture->turns[1]++;
	}
	return NULL;
}

/* --- the children */

static void note_serving(void *context, unsigned serving)
{
	struct fixture *fixture = context;

	fixture->came += serving > fixture->serving;
	fixture->serving = serving;
}

/* What waits for ever is ended by the signal. */
static void have(struct fixture *fixture, unsigned wanted)
{
	const struct children_limits limits = {
		.wanted = wanted, .start_timeout_ms = 600000, .timeout_ms = 600000
	};

	(void)alarm((unsigned)patience_ms() / 1000 * 3);
	children_limit(fixture->children, &limits);
	while (fixture->serving != wanted)
		(void)events_step(&fixture->events);
}

static void respawn(struct fixture *fixture, unsigned count)
{
	static char *const environment[] = { NULL };
	static char *const arguments[] = { (char *)"sh", (char *)"-c",
		(char *)"echo dgram 1 binary; exec cat >/dev/null", NULL };
	const struct children_program program = {
		.command = { "/bin/sh", arguments, environment, .binary = true },
		.service = "test",
		.request_bytes = 100,
		.reply_bytes = 100,
	};
	const struct children_host host = { .events = &fixture->events,
		.log = fixture->ring,
		.changed = note_serving,
		.context = fixture };

	fixture->came = 0;
	assert_int_equal(children_new(&program, &host, &fixture->children), 0);
	while (fixture->came < count) {
		have(fixture, AT_ONCE);
		have(fixture, 0);
	}
	children_stop(fixture->children);
	assert_int_equal(fixture->children->counts.start_failed, 0);
	children_free(fixture->children);
	(void)alarm(0);
}

/* --- what is left */

static struct holdings count_holdings(void)
{
	static char text[1 << 16];
	struct holdings holdings = { 0 };
	int maps;
	ssize_t got;

	for (int fd = 0; fd < FDS; fd++)
		holdings.fds += fcntl(fd, F_GETFD) >= 0;
	maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	assert_true(maps >= 0);
	while ((got = read(maps, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < got; i++)
			holdings.mappings += text[i] == '\n';
	close(maps);
	return holdings;
}

/* With all that comes and goes with a round. */
static struct holdings run(struct fixture *fixture, unsigned count)
{
	void *(*const spin[])(void *argument) = { spin_malloc, spin_localtime };

	atomic_store(&fixture->over, false);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(thread_start(spin[i], fixture, &fixture->spinners[i]), 0);
	respawn(fixture, count);
	atomic_store(&fixture->over, true);
	for (unsigned i = 0; i < 2; i++)
		thread_join(fixture->spinners[i]);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return count_holdings();
}

static void test_nothing_is_left(void **state)
{
	const struct log_settings settings = { LOG_LEVEL_ERROR, "logfmt", "never", "none" };
	const char *asked = getenv("RESPAWNS");
	unsigned count = asked != NULL ? (unsigned)strtoul(asked, NULL, 10) : scaled(RESPAWNS);
	struct fixture fixture = { .serving = 0 };
	struct holdings before, after;

	(void)state;
	(void)mallopt(M_ARENA_MAX, 1);
	assert_int_equal(events_open(&fixture.events), 0);
	assert_int_equal(log_new(&settings, 1, &fixture.log), 0);
	assert_int_equal(log_add_ring(fixture.log, LOG_MAIN, 0, &fixture.ring), 0);
	before = run(&fixture, 2 * AT_ONCE);
	after = run(&fixture, count);
	assert_true(fixture.came >= count);
	assert_true(fixture.turns[0] > count && fixture.turns[1] > count);
	assert_int_equal(after.fds, before.fds);
	if (scaled_by("DGRAM_SLOW") == 1) /* sanitizers map what they like */
		assert_int_equal(after.mappings, before.mappings);
	events_close(&fixture.events);
	log_free(fixture.log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
