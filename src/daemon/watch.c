#include "daemon/watch.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/thread.h"

/* What an event of the epoll says: a listener, and the kind of its thread; or the end. */
#define LISTENER(event) ((int)((event)->data.u64 & UINT32_MAX))
#define KIND(event) ((unsigned)((event)->data.u64 >> 32))

/* The thread may have died of a signal meanwhile: then there is nothing to let through. */
static void see_call(struct watch *watch, const struct epoll_event *event)
{
	struct seccomp_notif_resp *answer = NULL;
	struct seccomp_notif *call = NULL;

	if (seccomp_notify_alloc(&call, &answer) == 0 &&
		seccomp_notify_receive(LISTENER(event), call) == 0) {
		if (call->data.nr >= 0 && call->data.nr < WATCH_CALLS &&
			!atomic_exchange(&watch->seen[KIND(event)][call->data.nr], true))
			(void)eventfd_write(watch->news, 1);
		answer->id = call->id;
		answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)seccomp_notify_respond(LISTENER(event), answer);
	}
	seccomp_notify_free(call, answer);
}

static void *watch_main(void *argument)
{
	struct watch *watch = argument;
	struct epoll_event event;
	int count;

	for (;;) {
		count = epoll_wait(watch->epoll, &event, 1, -1);
		if (count != 1)
			continue;
		if (LISTENER(&event) == watch->stop)
			return NULL;
		if (event.events & EPOLLIN)
			see_call(watch, &event);
		else /* its thread has ended */
			(void)close(LISTENER(&event));
	}
}

static int follow_fd(const struct watch *watch, int fd, unsigned kind)
{
	struct epoll_event event = { .events = EPOLLIN };

	event.data.u64 = (uint64_t)kind << 32 | (uint32_t)fd;
	return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void close_all(const struct watch *watch)
{
	const int fds[] = { watch->epoll, watch->stop, watch->news };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

int watch_open(struct watch *watch)
{
	int error;

	watch->stop = eventfd(0, EFD_CLOEXEC);
	watch->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	error = watch->stop < 0 || watch->news < 0 || watch->epoll < 0 ? -errno : 0;
	if (error == 0)
		error = follow_fd(watch, watch->stop, 0);
	if (error == 0)
		error = thread_start(
			"dgram/watch", THREAD_NO_NUMBER, watch_main, watch, &watch->thread);
	if (error < 0)
		close_all(watch);
	return error;
}

int watch_add(struct watch *watch, int listener, enum dgram_thread kind)
{
	return follow_fd(watch, listener, kind);
}

static void name_call(unsigned kind, int call, char ret_text[WATCH_TEXT_MAX])
{
	static const char *const kinds[WATCH_KINDS] = {
		[DGRAM_THREAD_RECEIVER] = "a receiver",
		[DGRAM_THREAD_WORKER] = "a worker",
		[DGRAM_THREAD_LOG] = "the log's thread",
	};
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	(void)snprintf(
		ret_text, WATCH_TEXT_MAX, "%s by %s", name != NULL ? name : "unknown", kinds[kind]);
	free(name);
}

bool watch_next(struct watch *watch, char ret_text[WATCH_TEXT_MAX])
{
	eventfd_t news;

	(void)eventfd_read(watch->news, &news);
	for (unsigned kind = 0; kind < WATCH_KINDS; kind++)
		for (int call = 0; call < WATCH_CALLS; call++) {
			if (watch->told[kind][call] || !atomic_load(&watch->seen[kind][call]))
				continue;
			watch->told[kind][call] = true;
			name_call(kind, call, ret_text);
			return true;
		}
	return false;
}

void watch_close(struct watch *watch)
{
	(void)eventfd_write(watch->stop, 1);
	thread_join(watch->thread);
	close_all(watch);
}
