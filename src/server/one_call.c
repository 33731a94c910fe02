/* A server in one call: one handler, on loopback, until a signal. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/lock.h"
#include "server/server.h"

static const int taken[] = { SIGTERM, SIGINT };

#define TAKEN (sizeof(taken) / sizeof(taken[0]))

/* The signals, and what they were to the caller. */
struct signals {
	int fd;
	sigset_t mask;
	struct sigaction actions[TAKEN];
};

/* A signal that is ignored never comes out of the descriptor, so each has its default action meanwhile. */
static int take_signals(struct signals *signals)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < TAKEN; i++)
		(void)sigaddset(&set, taken[i]);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		return -errno;
	PTHREAD_OK(pthread_sigmask(SIG_BLOCK, &set, &signals->mask));
	for (size_t i = 0; i < TAKEN; i++)
		(void)sigaction(taken[i], &by_default, &signals->actions[i]);
	return 0;
}

static bool next_signal(const struct signals *signals)
{
	struct signalfd_siginfo info;

	return read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info);
}

/* Those that are left were meant for the server that has ended. */
static void give_back_signals(const struct signals *signals)
{
	while (next_signal(signals))
		;
	for (size_t i = 0; i < TAKEN; i++)
		(void)sigaction(taken[i], &signals->actions[i], NULL);
	PTHREAD_OK(pthread_sigmask(SIG_SETMASK, &signals->mask, NULL));
	close(signals->fd);
}

/* What the hook works on. */
struct call {
	struct signals signals;
	struct dgram_server *server;
};

static int shut_down(void *context)
{
	struct call *call = context;

	while (next_signal(&call->signals))
		dgram_server_shutdown(call->server);
	return 0;
}

static int tell(const char *text, int error)
{
	(void)dprintf(STDERR_FILENO, "dgram_serve: %s\n", text);
	return error;
}

static int serve_call(struct call *call, const struct dgram_handler *handler, uint16_t port)
{
	char text[DGRAM_ERROR_TEXT_MAX];
	struct dgram_service service;
	struct dgram_options options;
	int error;

	dgram_service_init(&service, DGRAM_ABI);
	service.handler = handler;
	service.port = port;
	dgram_options_init(&options, DGRAM_ABI);
	options.services = &service;
	options.services_count = 1;
	options.hook = shut_down;
	options.hook_context = call;
	options.hook_fd = call->signals.fd;
	options.error_text = text;
	options.error_text_size = sizeof(text);
	error = dgram_server_new(&options, &call->server);
	if (error < 0)
		return tell(text, error);
	error = dgram_server_serve_forever(call->server);
	(void)dgram_server_free(call->server);
	return error;
}

int dgram_serve(const struct dgram_handler *handler, uint16_t port)
{
	struct call call;
	int error = take_signals(&call.signals);

	if (error < 0)
		return tell("no descriptor for signals", error);
	error = serve_call(&call, handler, port);
	give_back_signals(&call.signals);
	return error;
}
