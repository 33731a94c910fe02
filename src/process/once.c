/* DESIGN: the request is a file in memory and not a pipe or a socket. It is all there before the command begins, so
 * nobody waits to write it, a command that reads nothing costs nothing, one that has read too much can go back (as
 * bash does), and /dev/stdin can be opened. Standard output and error are pipes, which programs know, and which hold
 * up a command that writes without end. */
#include "process/once.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/spawn.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Most that is read of its standard error at once. */
#define CHUNK 4096

#define END_MAX 64

/* What a pipe holds, by pipe(7). */
#define PIPE_BYTES 65536

enum { OUTPUT, ERRORS, END, SOURCES };

/* A command that runs. */
struct run {
	struct once *once;
	struct dgram_process_limits limits;
	struct spawned spawned;
	struct pollfd of[SOURCES]; /* one that has ended is -1 */
	char *reply;
	size_t reply_size;
	size_t length;	 /* of the reply; one more than its size: it is too long */
	bool late;	 /* it was given up */
	siginfo_t ended; /* how */
};

/* --- begin */

/* Before Linux 6.3 there is no such flag. */
static int open_request(const struct dgram_request *request)
{
	int fd = memfd_create("request", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("request", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pwrite(fd, request->data, request->length, 0) == (ssize_t)request->length)
		return fd;
	close(fd);
	return -EFBIG; /* by a limit of ours */
}

/* Of the two ends only ours does not wait. */
static int open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* What is closed here was only the command's. */
static int start(struct run *run, const struct dgram_request *request, const int standard[3])
{
	struct once *once = run->once;
	struct ucspi ucspi = { .text = { "" } };
	const struct spawn spawn = {
		.path = once->path,
		.arguments = once->arguments,
		.environment = once->environment,
		.standard = { standard[0], standard[1], standard[2] },
		.memory_bytes = run->limits.memory_bytes,
		.files = run->limits.files,
	};

	ucspi_set(&ucspi, request, once->environment + once->kept);
	return spawn_start(&spawn, &run->spawned);
}

static int begin(struct run *run, const struct dgram_request *request)
{
	int output[2] = { -1, -1 }, errors[2] = { -1, -1 }, input = open_request(request);
	int error = input < 0 ? input : open_pipe(output);

	if (error == 0)
		error = open_pipe(errors);
	if (error == 0)
		error = start(run, request, (const int[]){ input, output[1], errors[1] });
	if (input >= 0)
		close(input);
	if (output[1] >= 0)
		close(output[1]);
	if (errors[1] >= 0)
		close(errors[1]);
	run->of[OUTPUT] = (struct pollfd){ output[0], POLLIN, 0 };
	run->of[ERRORS] = (struct pollfd){ errors[0], POLLIN, 0 };
	run->of[END] = (struct pollfd){ error == 0 ? run->spawned.pidfd : -1, POLLIN, 0 };
	return error;
}

/* --- read */

static void close_source(struct pollfd *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}

/* The reply, or a byte that is too many: then nothing more is read. False: there is nothing now. */
static bool read_output(struct run *run)
{
	struct pollfd *source = &run->of[OUTPUT];
	char more;
	bool fits = run->length < run->reply_size;
	ssize_t got = read(source->fd, fits ? run->reply + run->length : &more,
		fits ? run->reply_size - run->length : 1);

	if (got > 0)
		run->length += (size_t)got;
	else if (got == 0)
		close_source(source);
	return got > 0;
}

static bool read_errors(struct run *run)
{
	struct pollfd *source = &run->of[ERRORS];
	char text[CHUNK];
	ssize_t got = read(source->fd, text, sizeof(text));

	if (got > 0)
		stderr_lines_add(&run->once->lines, text, (size_t)got, sys_monotonic_ns());
	else if (got == 0)
		close_source(source);
	return got > 0;
}

/* Until it ends, writes too much, or it is too late. */
static void wait_for_end(struct run *run)
{
	const int64_t end_ns = sys_monotonic_ns() + run->limits.timeout_ms * NS_PER_MS;
	int64_t left_ns = end_ns - sys_monotonic_ns();

	while (left_ns > 0 && run->of[END].revents == 0 && run->length <= run->reply_size) {
		(void)sys_wait(run->of, SOURCES, (int)(left_ns / NS_PER_MS) + 1);
		if (run->of[OUTPUT].revents != 0)
			(void)read_output(run);
		if (run->of[ERRORS].revents != 0)
			(void)read_errors(run);
		left_ns = end_ns - sys_monotonic_ns();
	}
	run->late = left_ns <= 0;
}

/* --- end */

/* As long as it is not waited for, its number is its own, and that of its group. Who is the machine's first process
 * inherits the rest of the group. */
static void end(struct run *run)
{
	siginfo_t other;

	(void)kill(-run->spawned.pid, SIGKILL);
	(void)waitid(P_PIDFD, (id_t)run->spawned.pidfd, &run->ended, WEXITED);
	while (waitid(P_PGID, (id_t)run->spawned.pid, &other, WEXITED) == 0)
		;
}

/* What it wrote before its end is all there, and is no more than a pipe holds. What has left its group may still
 * write. */
static void read_rest(struct run *run)
{
	int chunks = PIPE_BYTES / CHUNK;

	while (run->of[OUTPUT].fd >= 0 && run->length <= run->reply_size && read_output(run))
		;
	while (run->of[ERRORS].fd >= 0 && chunks-- > 0 && read_errors(run))
		;
	stderr_lines_end(&run->once->lines, sys_monotonic_ns());
}

static void describe_end(const struct run *run, char text[END_MAX])
{
	const char *name = sigabbrev_np(run->ended.si_status);

	if (run->late)
		(void)snprintf(text, END_MAX, "took longer than %u ms", run->limits.timeout_ms);
	else if (run->length > run->reply_size)
		(void)snprintf(
			text, END_MAX, "wrote a reply longer than %zu bytes", run->reply_size);
	else if (run->ended.si_code == CLD_EXITED)
		(void)snprintf(text, END_MAX, "exited with %d", run->ended.si_status);
	else if (name != NULL)
		(void)snprintf(text, END_MAX, "died of SIG%s", name);
	else
		(void)snprintf(text, END_MAX, "died of signal %d", run->ended.si_status);
}

/* Once a second a worker. */
static void log_end(const struct run *run, const struct dgram_request *request)
{
	struct once *once = run->once;
	const struct stderr_lines *lines = &once->lines;
	const int64_t now_ns = sys_monotonic_ns();
	char end_text[END_MAX];

	once->unlogged++;
	if (now_ns < once->log_next_ns)
		return;
	describe_end(run, end_text);
	dgram_request_log(request, DGRAM_LOG_WARN, "command failed",
		"pid %d %s; the request has %zu bytes; failed since the last such line: %u%s%.*s",
		run->spawned.pid, end_text, request->length, once->unlogged,
		lines->last > 0 ? "; it wrote: " : "", (int)lines->last, lines->line);
	once->log_next_ns = now_ns + NS_PER_S;
	once->unlogged = 0;
}

static ssize_t answer_of(const struct run *run, const struct dgram_request *request)
{
	const bool exited = run->ended.si_code == CLD_EXITED;
	const bool fits = run->length <= run->reply_size;

	if (fits && exited && run->ended.si_status == EXIT_SUCCESS)
		return (ssize_t)run->length;
	if (fits && exited && run->ended.si_status == ONCE_NO_REPLY)
		return DGRAM_NO_REPLY;
	log_end(run, request);
	if (!fits)
		return (ssize_t)run->length;
	return exited ? -EREMOTEIO : -ECHILD;
}

ssize_t once_run(
	struct once *once, const struct dgram_request *request, void *reply, size_t reply_size)
{
	struct run run = {
		.once = once,
		.limits = dgram_request_process_limits(request),
		.reply = reply,
		.reply_size = reply_size,
	};
	int error = begin(&run, request);
	ssize_t result;

	once->lines.context = (void *)(uintptr_t)request;
	once->lines.last = 0;
	if (error == 0) {
		wait_for_end(&run);
		end(&run);
		read_rest(&run);
	}
	result = error < 0 ? error : answer_of(&run, request);
	for (size_t i = 0; i < SOURCES; i++)
		close_source(&run.of[i]);
	return result;
}
