#include "process/life.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"

/* From the end of file, where that was the child's, to TERM, and from there to KILL. */
#define STEP_NS (100 * NS_PER_MS)

/* Of what a dead child has left in the pipe, as much as one holds. */
#define ERRORS_MAX 65536

/* Of what a handler logs before it serves. */
#define SAID_MAX 512

/* --- its standard error */

static void log_wrote(void *context, const char *line, size_t length, uint64_t suppressed)
{
	struct child *child = context;
	struct children *children = child->children;

	log_event_as(children->host.log, (struct log_source){ LOG_WORKER, child->worker },
		EVENT_CHILD_WROTE,
		LOG_FIELDS(log_text("service", children->program.service),
			log_int("pid", child->process.pid), log_bytes("text", line, length),
			log_uint("suppressed", suppressed)));
}

static void keep_last(struct child *child, const char *text, size_t length)
{
	size_t kept;

	if (length >= CHILD_LAST_MAX) {
		text += length - CHILD_LAST_MAX;
		length = CHILD_LAST_MAX;
	}
	kept = child->last_length;
	if (kept + length > CHILD_LAST_MAX)
		kept = CHILD_LAST_MAX - length;
	memmove(child->last, child->last + child->last_length - kept, kept);
	memcpy(child->last + kept, text, length);
	child->last_length = kept + length;
}

/* Returns how much there was. */
static size_t drain_errors(struct child *child)
{
	char text[4096];
	ssize_t got = read(child->errors, text, sizeof(text));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		events_remove(child->children->host.events, &child->watch_errors);
		return 0;
	}
	keep_last(child, text, (size_t)got);
	stderr_lines_add(&child->lines, text, (size_t)got, sys_monotonic_ns());
	return (size_t)got;
}

static void on_errors(void *context, uint32_t ready)
{
	(void)ready;
	(void)drain_errors(context);
}

/* --- its end */

/* It has no process that is ours. */
static bool is_handed_in(const struct child *child)
{
	return child->children->program.command.descriptors_count > 0;
}

static void close_stream(struct child *child)
{
	if (child->fd < 0)
		return;
	events_remove(child->children->host.events, &child->watch_stream);
	close(child->fd);
	child->fd = -1;
}

static void stop_hearing(struct child *child)
{
	if (child->shared.page != NULL)
		events_remove(child->children->host.events, &child->watch_shared);
}

/* Its signals may come too late for one that was ending, and do not show in its end then. */
static bool has_obeyed(const struct child *child)
{
	return child->forced || (child->asked_to_end && child->end.si_code != CLD_EXITED &&
					child->end.si_status == SIGTERM);
}

static void bury(struct child *child)
{
	struct events *events = child->children->host.events;

	close_stream(child);
	if (has_obeyed(child))
		children_blame(child, CHILD_BAD, "closed its stream");
	events_cancel(&child->timer);
	stop_hearing(child);
	shared_free(&child->shared);
	if (!is_handed_in(child)) {
		events_remove(events, &child->watch_errors);
		stderr_lines_end(&child->lines, sys_monotonic_ns());
		close(child->errors);
		close(child->process.pidfd);
	}
	children_bury(child);
}

/* As long as it is not reaped its number is nobody else's, nor is that of its group. */
static void reap(struct child *child)
{
	(void)kill(-child->process.pid, SIGKILL);
	while (waitid(P_PIDFD, (id_t)child->process.pidfd, &child->end, WEXITED) < 0 &&
		errno == EINTR)
		;
	lock_take(&child->children->lock);
	child->reaped = true;
	lock_release(&child->children->lock);
	events_remove(child->children->host.events, &child->watch_process);
	for (size_t left = ERRORS_MAX, got = 1; got > 0 && left > got; left -= got)
		got = drain_errors(child);
}

static void on_process(void *context, uint32_t ready)
{
	struct child *child = context;

	(void)ready;
	reap(child);
	if (children_withdraw(child))
		bury(child);
}

void life_kill(const struct child *child)
{
	if (child->state == CHILD_NONE)
		return;
	if (is_handed_in(child))
		(void)shutdown(child->fd, SHUT_RDWR);
	else if (!child->reaped)
		(void)kill(child->process.pid, SIGKILL);
}

/* One step further. */
static void press(struct child *child)
{
	child->forced = child->asked_to_end;
	child->asked_to_end = true;
	(void)kill(child->process.pid, child->forced ? SIGKILL : SIGTERM);
	events_set(child->children->host.events, &child->timer, sys_monotonic_ns() + STEP_NS);
}

static void on_time(void *context)
{
	struct child *child = context;

	if (child->state == CHILD_ENDING) {
		press(child);
		return;
	}
	children_blame(child, CHILD_LATE, "did not begin within child.start_timeout_ms");
	(void)children_withdraw(child);
	life_end(child);
}

/* Who has closed the stream may be about to end, and how it does is to be known. */
void life_end(struct child *child)
{
	close_stream(child);
	if (child->reaped || is_handed_in(child))
		bury(child);
	else if (child->fault == CHILD_ENDED)
		events_set(
			child->children->host.events, &child->timer, sys_monotonic_ns() + STEP_NS);
	else
		press(child);
}

/* --- its start */

static void fail_start(struct child *child, const char *reason)
{
	children_blame(child, CHILD_BAD, reason);
	(void)children_withdraw(child);
	life_end(child);
}

/* Only its stream tells the end of what has no process. A worker that has it sees that itself. */
static void on_hangup(void *context, uint32_t ready)
{
	struct child *child = context;

	(void)ready;
	events_remove(child->children->host.events, &child->watch_stream);
	children_end(child, CHILD_ENDED);
}

static int watch_end(struct child *child)
{
	child->watch_stream = (struct events_watch){ child->fd, EPOLLRDHUP, on_hangup, child };
	return events_add(child->children->host.events, &child->watch_stream);
}

static void greet(struct child *child)
{
	const struct children_program *program = &child->children->program;
	uint8_t frame[FRAME_HEAD_MAX];
	size_t size = frame_welcome(child->children->form, program->service, program->reply_bytes,
		child->children->window, frame);

	events_cancel(&child->timer);
	events_remove(child->children->host.events, &child->watch_stream);
	stop_hearing(child);
	if (send(child->fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
		fail_start(child, "closed its standard input");
	else if (is_handed_in(child) && watch_end(child) < 0)
		fail_start(child, "cannot be watched");
	else
		children_welcome(child);
}

static void on_stream(void *context, uint32_t ready)
{
	struct child *child = context;
	enum frame_verdict verdict;
	struct frame frame;
	size_t room;
	uint8_t *space = frame_reader_space(&child->reader, &room);
	ssize_t got = recv(child->fd, space, room, MSG_DONTWAIT);

	(void)ready;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		(void)children_withdraw(child);
		life_end(child);
		return;
	}
	frame_reader_add(&child->reader, (size_t)got);
	verdict = frame_reader_next(&child->reader, &frame);
	if (verdict == FRAME_WHOLE)
		greet(child);
	else if (verdict != FRAME_PARTIAL)
		fail_start(child, frame_explain(verdict));
}

/* A copy, because who formats it looks at it twice. */
static void log_said(const struct children *children, const struct shared_said *said)
{
	const struct handler_call *call = &said->call;
	size_t length = call->length < SAID_MAX ? call->length : SAID_MAX;
	char text[SAID_MAX];

	memcpy(text, call->data, length);
	log_user_event(children->host.log, (enum log_level)call->level, call->event,
		LOG_FIELDS(log_text("service", children->program.service),
			log_bytes("message", text, length)));
}

/* What its handler logs before it serves. */
static void on_shared(void *context, uint32_t ready)
{
	struct child *child = context;
	struct shared_said said;

	(void)ready;
	shared_hush(&child->shared);
	if (!shared_is_called(&child->shared))
		return;
	if (shared_hear(&child->shared, &said) == NULL && said.call.kind == HANDLER_CALL_LOG)
		log_said(child->children, &said);
	shared_answer(&child->shared, 0);
	shared_ring(child->fd);
}

/* Four times a window of small requests, or a large one: what is asked for is doubled, and cut. */
static void widen(const struct child *child)
{
	const struct children_program *program = &child->children->program;
	int bytes = (int)(4 * (FRAME_HEAD_MAX + program->request_bytes));

	(void)setsockopt(child->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int spawn_child(struct child *child, int stream, int errors)
{
	const struct children *children = child->children;
	const struct spawn spawn = {
		.path = children->program.command.path,
		.arguments = children->program.command.arguments,
		.environment = children->program.command.environment,
		.standard = { stream, stream, errors },
		.also = child->shared.fds,
		.also_count = child->shared.page != NULL ? SHARED_FDS : 0,
		.memory_bytes = children->limits.memory_bytes,
		.files = children->limits.files,
	};

	/* Children end with the thread that made them. */
	return gettid() == getpid() ? spawn_start(&spawn, &child->process) : -EPERM;
}

static void adopt_stream(struct child *child)
{
	struct children *children = child->children;

	child->fd = children->program.command.descriptors[children->adopted++];
	child->process = (struct spawned){ .pidfd = -1 };
}

static int make_shared(struct child *child)
{
	const struct children_program *program = &child->children->program;

	if (!program->command.shares_memory)
		return 0;
	return shared_new(&child->shared, program->request_bytes, program->reply_bytes);
}

static int make_process(struct child *child)
{
	int stream[2], errors[2], error;

	if (is_handed_in(child)) {
		adopt_stream(child);
		return 0;
	}

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) < 0)
		return -errno;
	if (pipe2(errors, O_CLOEXEC) < 0) {
		error = -errno;
		close(stream[0]);
		close(stream[1]);
		return error;
	}
	error = make_shared(child);
	if (error == 0)
		error = spawn_child(child, stream[1], errors[1]);
	close(stream[1]);
	close(errors[1]);
	if (error == 0 && fcntl(errors[0], F_SETFL, O_NONBLOCK) == 0) {
		child->fd = stream[0];
		child->errors = errors[0];
		return 0;
	}
	shared_free(&child->shared);
	close(stream[0]);
	close(errors[0]);
	return error;
}

static int watch(struct child *child)
{
	struct events *events = child->children->host.events;
	int error;

	child->watch_stream = (struct events_watch){ child->fd, EPOLLIN, on_stream, child };
	if (is_handed_in(child))
		return events_add(events, &child->watch_stream);
	child->watch_process =
		(struct events_watch){ child->process.pidfd, EPOLLIN, on_process, child };
	child->watch_errors = (struct events_watch){ child->errors, EPOLLIN, on_errors, child };
	child->watch_shared =
		(struct events_watch){ child->shared.fds[1], EPOLLIN, on_shared, child };
	error = events_add(events, &child->watch_process);
	if (error == 0)
		error = events_add(events, &child->watch_stream);
	if (error == 0)
		error = events_add(events, &child->watch_errors);
	if (error < 0 || child->shared.page == NULL)
		return error;
	return events_add(events, &child->watch_shared);
}

int life_begin(struct child *child)
{
	struct children *children = child->children;
	size_t room = frame_reader_room(children->form, children->program.reply_bytes);
	int error = make_process(child);

	if (error < 0)
		return error;
	frame_reader_init(
		&child->reader, children->form, children->program.reply_bytes, child->said, room);
	widen(child);
	child->lines = (struct stderr_lines){ .tell = log_wrote, .context = child };
	child->timer.call = on_time;
	child->timer.context = child;
	error = watch(child);
	if (error < 0) {
		life_kill(child);
		if (!is_handed_in(child))
			reap(child);
		(void)children_withdraw(child);
		bury(child);
		return 0;
	}
	events_set(children->host.events, &child->timer,
		sys_monotonic_ns() + children->limits.start_timeout_ms * NS_PER_MS);
	return 0;
}

uint64_t life_rss_bytes(const struct child *child)
{
	unsigned long pages = 0;
	char path[32];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)child->process.pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	(void)fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
