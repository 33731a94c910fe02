/* Messages to a supervisor that does not read, or not before it is waited for. */
/* link: -Wl,--wrap=sys_wait,--wrap=sys_monotonic_ns */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/sys.h"
#include "daemon/notify.h"

static int supervisor;
static bool reads;
static unsigned waits;
static int64_t clock_ns;

int64_t __wrap_sys_monotonic_ns(void);
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);
int __real_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);

int64_t __wrap_sys_monotonic_ns(void)
{
	return clock_ns;
}

/* Reads all that is there. Was the last of it about the main process? */
static bool read_all(void)
{
	char text[NOTIFY_TEXT_MAX];
	bool is_last = false;

	while (recv(supervisor, text, sizeof(text), MSG_DONTWAIT) > 0)
		is_last = memcmp(text, "MAINPID", 7) == 0;
	return is_last;
}

/* One that does not read lets a second pass, and the time is two. */
int __wrap_sys_wait(struct pollfd *fds, unsigned count, int timeout_ms)
{
	waits++;
	if (!reads) {
		clock_ns += NS_PER_S;
		return 0;
	}
	assert_false(read_all());
	return __real_sys_wait(fds, count, timeout_ms);
}

static int setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(sa_family_t);
	char path[sizeof(address.sun_path) + 1];

	(void)state;
	waits = 0;
	clock_ns = 0;
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(supervisor >= 0);
	assert_int_equal(bind(supervisor, (struct sockaddr *)&address, length), 0);
	length = sizeof(address);
	assert_int_equal(getsockname(supervisor, (struct sockaddr *)&address, &length), 0);
	(void)snprintf(path, sizeof(path), "@%.*s", (int)(length - sizeof(sa_family_t) - 1),
		address.sun_path + 1);
	return setenv("NOTIFY_SOCKET", path, 1);
}

static int teardown(void **state)
{
	(void)state;
	return close(supervisor);
}

/* As many as there is room for, and then one for which there is none. */
static void tell(struct notify *notify)
{
	assert_int_equal(notify_open(notify), 0);
	for (int i = 0; i < 10000 && notify->error == 0; i++)
		notify_send(notify, NOTIFY_WATCHDOG, "WATCHDOG=1");
	notify_send(notify, NOTIFY_MAINPID, "MAINPID=%d", 1);
	assert_int_equal(notify->error, -EAGAIN);
}

static void the_last_words_wait_for_room(void **state)
{
	struct notify notify;

	(void)state;
	reads = true;
	tell(&notify);
	notify_close(&notify);
	assert_int_equal(waits, 1);
	assert_true(read_all());
}

static void but_not_for_ever(void **state)
{
	struct notify notify;

	(void)state;
	reads = false;
	tell(&notify);
	notify_close(&notify);
	assert_int_equal(notify.fd, -1);
	assert_int_equal(waits, 2);
	assert_false(read_all());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_words_wait_for_room, setup, teardown),
		cmocka_unit_test_setup_teardown(but_not_for_ever, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
