#include "daemon/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "daemon/crash.h"
#include "daemon/ending.h"
#include "daemon/notify.h"
#include "daemon/privileges.h"
#include "daemon/ready_fd.h"
#include "daemon/refusal.h"
#include "daemon/sandbox.h"
#include "daemon/signals.h"
#include "daemon/steer.h"

#define STATUS_INTERVAL_MS 5000

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int exit_status(int error)
{
	switch (error) {
	case 0:
		return EX_OK;
	case -EADDRINUSE:
	case -EADDRNOTAVAIL:
	case -EAFNOSUPPORT:
	case -ENODEV:
		return EX_UNAVAILABLE;
	case -EACCES:
	case -EPERM:
		return EX_NOPERM;
	case -EINVAL:
	case -ENOENT:
	case -ENOTDIR:
	case -EISDIR:
	case -ENXIO:
		return EX_CONFIG;
	default:
		return EX_OSERR;
	}
}

static int complain(const char *what, int error)
{
	(void)fprintf(stderr, "%s: error: %s: %s\n", program_invocation_short_name, what,
		strerrordesc_np(-error));
	return error;
}

/* "; log: 12 lines lost, not reopened: Permission denied", or "". The log itself may be what nobody can read. */
static void describe_log(const struct daemon *daemon, char *text, size_t size)
{
	uint64_t lost = dgram_server_log_lines_lost(daemon->server);
	char lines[48] = "";

	if (lost > 0)
		(void)snprintf(lines, sizeof(lines), "%llu lines lost", (unsigned long long)lost);
	(void)snprintf(text, size, "%s%s%s%s%s", lost > 0 || daemon->log_error < 0 ? "; log: " : "",
		lines, lost > 0 && daemon->log_error < 0 ? ", " : "",
		daemon->log_error < 0 ? "not reopened: " : "",
		daemon->log_error < 0 ? strerrordesc_np(-daemon->log_error) : "");
}

/* What a service stands still by is logged once. */
static bool is_moving(
	struct daemon *daemon, size_t service, const struct dgram_service_stats *stats)
{
	const char *why;

	if (daemon->watchdog.interval_ns == 0 ||
		watchdog_look(&daemon->watchdog, service, stats, monotonic_ns(), &why))
		return true;
	if (daemon->watchdog.fed)
		dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "stands still", "%s: %s",
			stats->name, why);
	return false;
}

static void feed(struct daemon *daemon, bool moving)
{
	daemon->watchdog.fed = moving;
	if (moving && daemon->watchdog.interval_ns > 0)
		notify_send(&daemon->notify, NOTIFY_WATCHDOG, "WATCHDOG=1");
}

static uint64_t dropped_of(const struct dgram_service_stats *stats)
{
	uint64_t dropped = stats->dropped_by_kernel;

	for (size_t i = 0; i < stats->dropped_count; i++)
		dropped += stats->dropped[i].count;
	return dropped;
}

/* The supervisor hears one process alone: not one that another one still leads, or has followed. */
static void note_lead(struct daemon *daemon)
{
	daemon->speaks = inheritance_leads(&daemon->inheritance) && !daemon->upgrade.done;
	if (daemon->upgrade.done)
		notify_flush(&daemon->notify);
}

static void send_status(struct daemon *daemon)
{
	uint64_t received = 0, replied = 0, dropped = 0, queued = 0, failing = 0;
	struct dgram_service_stats *stats;
	char waiting_for[256], log[128];
	bool moving = true;
	int error = 0;

	if (daemon->notify.address_length == 0 || !daemon->speaks)
		return;
	for (size_t i = 0; (error = dgram_server_stats(daemon->server, i, &stats)) == 0; i++) {
		received += stats->received;
		replied += stats->replied;
		dropped += dropped_of(stats);
		queued += stats->queued + stats->running;
		failing += stats->children_failing;
		moving = is_moving(daemon, i, stats) && moving;
		dgram_stats_free(stats);
	}
	if (error != -ENOENT)
		return;
	feed(daemon, moving);
	(void)dgram_server_waiting(daemon->server, waiting_for, sizeof(waiting_for));
	describe_log(daemon, log, sizeof(log));
	notify_send(&daemon->notify, NOTIFY_STATUS,
		"STATUS=received %llu, replied %llu, dropped %llu, in hand %llu%s%s%s%s",
		(unsigned long long)received, (unsigned long long)replied,
		(unsigned long long)dropped, (unsigned long long)queued,
		waiting_for[0] != '\0' ? "; waiting for " : "", waiting_for,
		failing > 0 ? "; children failing" : "", log);
}

/* Once. */
static void send_ready(struct daemon *daemon)
{
	if (daemon->ready || daemon->stopping || !daemon->speaks ||
		!dgram_server_is_ready(daemon->server))
		return;
	daemon->ready = true;
	notify_send(&daemon->notify, NOTIFY_READY, "READY=1");
	if (daemon->ready_fd >= 0)
		(void)ready_fd_tell(daemon->ready_fd);
	daemon->ready_fd = -1;
}

void daemon_reopen_logs(struct daemon *daemon)
{
	daemon->log_error = dgram_server_reopen_logs(daemon->server);
}

static void log_unreached(struct daemon *daemon)
{
	if (daemon->notify.error < 0 && daemon->notify_error == 0)
		dgram_server_log(daemon->server, DGRAM_LOG_WARN, "supervisor not reached", "%s",
			strerrordesc_np(-daemon->notify.error));
	daemon->notify_error = daemon->notify.error;
}

/* The server calls this while there is a signal, or a question to the admin endpoint, when a host that waited is
 * listened on, and under a supervisor every STATUS_INTERVAL_MS, or three times in what its watchdog waits. */
static int hook(void *context)
{
	struct daemon *daemon = context;
	int signal = signals_next(daemon->signal_fd);

	if (signal != 0) {
		dgram_server_log(
			daemon->server, DGRAM_LOG_INFO, "signal", "SIG%s", sigabbrev_np(signal));
		if (signal == SIGHUP) {
			(void)daemon_reload(daemon, NULL);
		} else if (signal == SIGUSR1) {
			upgrade_pass_on(daemon, SIGUSR1);
			daemon_reopen_logs(daemon);
		} else if (signal == SIGUSR2) {
			(void)upgrade_begin(daemon, NULL);
		} else {
			ending_signal(daemon);
		}
	}
	ending_step(daemon);
	upgrade_step(daemon);
	note_lead(daemon);
	ending_tell(daemon);
	send_ready(daemon);
	send_status(daemon);
	log_unreached(daemon);
	steer_serve(daemon);
	return 0;
}

static int enter_sandbox(struct daemon *daemon)
{
	enum config_sandbox mode = config_sandbox(daemon->started);
	const char *log_target = config_options(daemon->started)->log_target;

	if (daemon->inheritance.follows && sandbox_is_entered(mode, log_target, &daemon->landlock))
		return 0;
	return sandbox_enter(mode, log_target, &daemon->landlock);
}

/* As the server calls it: the sockets are open, and no file of the log. */
static int drop_rights(void *context)
{
	struct daemon *daemon = context;
	const char *what = "user";
	int error = privileges_drop(config_user(daemon->started));

	if (error == 0) {
		what = "sandbox";
		error = enter_sandbox(daemon);
	}
	if (error < 0)
		dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "cannot give up rights", "%s: %s",
			what, strerrordesc_np(-error));
	return error;
}

static int enter_thread(void *context, enum dgram_thread thread)
{
	const struct daemon *daemon = context;

	(void)thread;
	return sandbox_enter_thread(config_sandbox(daemon->started));
}

static void log_rights(const struct daemon *daemon)
{
	const struct config_user *user = config_user(daemon->started);
	enum config_sandbox mode = config_sandbox(daemon->started);

	if (user->name != NULL && user->uid != 0)
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "user", "%s, uid %u, gid %u",
			user->name, user->uid, user->gid);
	else if (user->name == NULL && geteuid() == 0)
		dgram_server_log(daemon->server, DGRAM_LOG_WARN, "runs as root",
			"the configuration names no `user`");
	if (mode == CONFIG_SANDBOX_ENFORCE)
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "sandbox", "enforce, landlock %d",
			daemon->landlock);
	else if (mode == CONFIG_SANDBOX_LOG)
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "sandbox", "log");
}

static unsigned hook_interval_ms(const struct daemon *daemon)
{
	int64_t watchdog_ms = daemon->watchdog.interval_ns / NS_PER_MS / 3;

	if (daemon->notify.address_length == 0)
		return 0;
	if (daemon->watchdog.interval_ns == 0 || watchdog_ms > STATUS_INTERVAL_MS)
		return STATUS_INTERVAL_MS;
	return watchdog_ms > 0 ? (unsigned)watchdog_ms : 1;
}

struct dgram_options daemon_options(struct daemon *daemon, const struct config *config)
{
	struct dgram_options options = *config_options(config);

	options.log_color = daemon->cli->color;
	options.hook = hook;
	options.hook_context = daemon;
	options.hook_fd = daemon->wake_fd;
	options.hook_interval_ms = hook_interval_ms(daemon);
	options.on_bound = drop_rights;
	options.on_thread = enter_thread;
	options.start_context = daemon;
	return options;
}

/* On a terminal: a line to paste that asks the first service. */
static void print_try_it(struct daemon *daemon)
{
	struct sockaddr_storage address;
	char text[INET6_ADDRSTRLEN];
	union addr bound;
	bool v6;

	if (!isatty(STDERR_FILENO) || dgram_server_address(daemon->server, 0, 0, &address) < 0)
		return;
	memcpy(&bound, &address, sizeof(bound));
	v6 = bound.sa.sa_family == AF_INET6;
	if (addr_is_wildcard(&bound))
		(void)snprintf(text, sizeof(text), "%s", v6 ? "::1" : "127.0.0.1");
	else if (v6)
		(void)inet_ntop(AF_INET6, &bound.in6.sin6_addr, text, sizeof(text));
	else
		(void)inet_ntop(AF_INET, &bound.in.sin_addr, text, sizeof(text));
	(void)fprintf(stderr,
		"try it: python3 -c 'import socket; s = socket.socket(socket.%s, "
		"socket.SOCK_DGRAM); s.settimeout(2); s.sendto(b\"\", (\"%s\", %u)); print(s.recv(8192))'\n",
		v6 ? "AF_INET6" : "AF_INET", text, addr_port(&bound));
}

static int serve(struct daemon *daemon)
{
	int error;

	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "starting", "dgramd %s with %s",
		dgram_version(), cli_origin(daemon->cli));
	log_unreached(daemon);
	error = steer_open(daemon);
	if (error == 0)
		error = dgram_server_bind(daemon->server);
	activation_end(&daemon->activation);
	inheritance_end(&daemon->inheritance);
	if (error < 0)
		return error;
	log_rights(daemon);
	error = dgram_server_start(daemon->server);
	if (error == 0)
		error = steer_start(daemon);
	if (error < 0)
		return error;
	print_try_it(daemon);
	inheritance_tell_ready(&daemon->inheritance);
	note_lead(daemon);
	send_ready(daemon);
	error = dgram_server_serve_forever(daemon->server);
	daemon->abandoned = error == -ETIMEDOUT;
	return daemon->abandoned ? 0 : error;
}

static int open_wake(struct daemon *daemon)
{
	struct epoll_event event = { .events = EPOLLIN };

	daemon->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	if (daemon->wake_fd < 0 ||
		epoll_ctl(daemon->wake_fd, EPOLL_CTL_ADD, daemon->signal_fd, &event) < 0)
		return -errno;
	return 0;
}

/* What is wrong with the options the file did not say, but sockets that were handed in. */
static int create_server(struct daemon *daemon, struct dgram_options *options)
{
	char why[DGRAM_ERROR_TEXT_MAX] = "";
	int error;

	options->error_text = why;
	options->error_text_size = sizeof(why);
	error = dgram_server_new(options, &daemon->server);
	if (error < 0)
		refusal_say(options->log_format, "error: cannot make the server: %s", why);
	return error;
}

static int open_and_serve(struct daemon *daemon)
{
	struct dgram_options options;
	int error;

	error = inheritance_begin(&daemon->inheritance);
	if (error < 0)
		return error == -EINVAL ? error : complain("cannot follow", error);
	daemon->signal_fd = signals_open();
	if (daemon->signal_fd < 0)
		return complain("cannot take signals", daemon->signal_fd);
	error = open_wake(daemon);
	if (error == 0)
		error = inheritance_watch(&daemon->inheritance, daemon->wake_fd);
	if (error < 0)
		return complain("cannot wait for signals", error);
	(void)notify_open(&daemon->notify);
	notify_watch(&daemon->notify, daemon->wake_fd);
	watchdog_init(&daemon->watchdog);
	options = daemon_options(daemon, daemon->started);
	error = activation_begin(&daemon->activation, &options);
	if (error == 0)
		error = inheritance_use(&daemon->inheritance, &options);
	if (error < 0)
		return error;
	error = create_server(daemon, &options);
	if (error < 0)
		return error;
	error = crash_watch(daemon->server);
	error = error < 0 ? complain("cannot take signals", error) : serve(daemon);
	admin_close(daemon->admin);
	crash_unwatch();
	return error;
}

/* While a reload waits for a plug-in that may hang. */
static void feed_again(void *context)
{
	send_status(context);
}

int daemon_serve(const struct cli *cli, const struct config_source *source, struct plugins *plugins,
	struct config *config)
{
	struct daemon daemon = {
		.cli = cli,
		.source = source,
		.started = config,
		.live = config,
		.signal_fd = -1,
		.wake_fd = -1,
		.delay_fd = -1,
		.ready_fd = cli->ready_fd,
		.notify.fd = -1,
	};
	const bool follows = descriptors_passed_on() > 0;
	int error;

	plugins->meanwhile = (struct probe_meanwhile){ feed_again, &daemon };
	error = open_and_serve(&daemon);
	if (error < 0 && (!follows || daemon.speaks))
		notify_failure(error);
	notify_close(&daemon.notify);
	/* Handlers that still run use what would be freed, so the process ends without freeing it. */
	if (daemon.abandoned)
		_exit(EX_OK);
	activation_end(&daemon.activation);
	inheritance_end(&daemon.inheritance);
	(void)dgram_server_free(daemon.server);
	if (daemon.live != daemon.started)
		config_free(daemon.live);
	config_free(daemon.started);
	if (daemon.signal_fd >= 0)
		close(daemon.signal_fd);
	if (daemon.wake_fd >= 0)
		close(daemon.wake_fd);
	if (daemon.delay_fd >= 0)
		close(daemon.delay_fd);
	return exit_status(error);
}
