/* Messages to a supervisor that does not read. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/notify.h"

static int supervisor;

static int setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(sa_family_t);
	char path[sizeof(address.sun_path) + 1];

	(void)state;
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

/* Until the one about the main process. */
static void *read_all(void *unused)
{
	char text[NOTIFY_TEXT_MAX];
	ssize_t length;

	do
		length = recv(supervisor, text, sizeof(text) - 1, 0);
	while (length > 0 && memcmp(text, "MAINPID", 7) != 0);
	return length > 0 ? unused : NULL;
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
	struct timeval patience = { .tv_sec = 20 };
	struct notify notify;
	pthread_t reader;
	void *heard;

	(void)state;
	assert_int_equal(
		setsockopt(supervisor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	tell(&notify);
	assert_int_equal(pthread_create(&reader, NULL, read_all, &notify), 0);
	notify_close(&notify);
	assert_int_equal(pthread_join(reader, &heard), 0);
	assert_ptr_equal(heard, &notify);
}

static void but_not_for_ever(void **state)
{
	struct notify notify;

	(void)state;
	tell(&notify);
	notify_close(&notify);
	assert_int_equal(notify.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_words_wait_for_room, setup, teardown),
		cmocka_unit_test_setup_teardown(but_not_for_ever, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
