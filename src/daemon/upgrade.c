#include "daemon/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "daemon/daemon.h"
#include "daemon/sandbox.h"

#define PATIENCE_MS 10000

/* What a successor gets, as long as it is started. */
struct estate {
	int *fds;
	size_t count;
	char *names; /* "DGRAM_SOCKETS=..." */
	char *sandbox;
	char **environment;
};

static int bequeath(struct estate *estate, int fd, FILE *names, const char *name, const char *end)
{
	int *fds = reallocarray(estate->fds, estate->count + 1, sizeof(*fds));

	if (fds == NULL)
		return -ENOMEM;
	estate->fds = fds;
	fds[estate->count++] = fd;
	(void)fprintf(names, "%s%s:", name, end);
	return 0;
}

/* A host that waits for its address has none: the successor waits for it, too. */
static int bequeath_sockets(struct estate *estate, struct daemon *daemon, FILE *names)
{
	struct dgram_socket_stats *stats;
	int fd, error = 0;

	for (size_t i = 0; error == 0 && (fd = dgram_server_socket(daemon->server, i)) != -ENOENT;
		i++) {
		if (fd < 0)
			continue;
		error = dgram_server_socket_stats(daemon->server, i, &stats);
		if (error < 0)
			break;
		error = bequeath(
			estate, fd, names, stats->service, stats->held ? INHERITANCE_HELD : "");
		dgram_stats_free(stats);
	}
	return error;
}

static int bequeath_all(struct estate *estate, struct daemon *daemon, FILE *names)
{
	struct admin_sockets admin = { -1, -1 };
	int error;

	(void)fprintf(names, "%s=", DESCRIPTORS_PASSED_ON);
	error = bequeath_sockets(estate, daemon, names);
	if (daemon->admin != NULL)
		admin = admin_sockets(daemon->admin);
	if (error == 0 && admin.path >= 0)
		error = bequeath(estate, admin.path, names, INHERITANCE_PATH, "");
	if (error == 0 && admin.address >= 0)
		error = bequeath(estate, admin.address, names, INHERITANCE_ADDRESS, "");
	(void)fprintf(names, "%s", INHERITANCE_OWN);
	return error;
}

/* What names our process is not its, nor is a watchdog that waits for another one. */
static bool is_ours(const struct daemon *daemon, const char *variable)
{
	static const char *const ours[] = { "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=",
		"WATCHDOG_PID=", DESCRIPTORS_PASSED_ON "=", SANDBOX_VARIABLE "=" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
			return true;
	return daemon->watchdog.interval_ns == 0 &&
	       strncmp(variable, "WATCHDOG_USEC=", strlen("WATCHDOG_USEC=")) == 0;
}

static int make_variables(struct estate *estate, const struct daemon *daemon)
{
	size_t count = 0;
	char **next;

	for (char **each = environ; *each != NULL; each++)
		count++;
	estate->sandbox = sandbox_describe(config_sandbox(daemon->started),
		config_options(daemon->started)->log_target, daemon->landlock);
	next = estate->environment = calloc(count + 3, sizeof(*next));
	if (next == NULL || estate->sandbox == NULL)
		return -ENOMEM;
	for (char **each = environ; *each != NULL; each++)
		if (!is_ours(daemon, *each))
			*next++ = *each;
	*next++ = estate->names;
	*next = estate->sandbox;
	return 0;
}

static int make_estate(struct estate *estate, struct daemon *daemon)
{
	size_t length;
	FILE *names = open_memstream(&estate->names, &length);
	int error;

	if (names == NULL)
		return -ENOMEM;
	error = bequeath_all(estate, daemon, names);
	if (fclose(names) != 0)
		error = -ENOMEM;
	return error < 0 ? error : make_variables(estate, daemon);
}

static int start_successor(struct daemon *daemon, const char *path)
{
	struct estate estate = { 0 };
	int error = make_estate(&estate, daemon);
	const struct successor_plan plan = {
		.path = path,
		.arguments = daemon->cli->words,
		.environment = estate.environment,
		.fds = estate.fds,
		.fds_count = estate.count,
		.patience_ms = PATIENCE_MS,
		.epoll = daemon->wake_fd,
	};

	if (error == 0)
		error = successor_start(&plan, &daemon->upgrade.successor);
	free(estate.environment);
	free(estate.sandbox);
	free(estate.names);
	free(estate.fds);
	return error;
}

static void tell_asker(FILE *said, const char *event, const char *text)
{
	if (said != NULL)
		(void)fprintf(said, "%s: %s\n", event, text);
}

static int refuse_upgrade(struct daemon *daemon, FILE *said, const char *why)
{
	dgram_server_log(daemon->server, DGRAM_LOG_WARN, "upgrade refused", "%s", why);
	tell_asker(said, "upgrade refused", why);
	return -EINVAL;
}

static int fail_upgrade(struct daemon *daemon, FILE *said, const char *why)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s; this process goes on", why);
	dgram_server_keep_sockets(daemon->server);
	dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "upgrade failed", "%s", text);
	tell_asker(said, "upgrade failed", text);
	return -EINVAL;
}

int upgrade_begin(struct daemon *daemon, FILE *said)
{
	const char *path = (const char *)getauxval(AT_EXECFN);
	char why[192];
	int error;

	if (!config_admin(daemon->live)->upgrade)
		return refuse_upgrade(daemon, said, "admin.upgrade is false");
	if (getpid() == 1)
		return refuse_upgrade(
			daemon, said, "this is process 1, whose end is its container's");
	if (cli_reads_stdin(daemon->cli))
		return refuse_upgrade(daemon, said, "the standard input cannot be read again");
	if (daemon->stopping)
		return refuse_upgrade(daemon, said, "the server ends");
	if (daemon->upgrade.runs || !inheritance_leads(&daemon->inheritance))
		return refuse_upgrade(daemon, said, "another upgrade is in progress");
	error = start_successor(daemon, path);
	if (error < 0) {
		(void)snprintf(why, sizeof(why), "%s: %s", path, strerrordesc_np(-error));
		return fail_upgrade(daemon, said, why);
	}
	daemon->upgrade.runs = true;
	daemon->upgrade.passed_on = 0;
	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "upgrade", "%s is process %d", path,
		(int)daemon->upgrade.successor.pid);
	return 0;
}

static void log_words(struct daemon *daemon, FILE *said)
{
	char *rest = daemon->upgrade.successor.words, *line;

	while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
		dgram_server_log(daemon->server, DGRAM_LOG_WARN, "successor", "%s", line);
		tell_asker(said, "successor", line);
	}
}

/* The supervisor is to hear of it before the successor speaks to it, which it does when we have closed its pipe. */
static void leave_to(struct daemon *daemon, FILE *said)
{
	const int pid = (int)daemon->upgrade.successor.heir;
	char text[96];

	(void)snprintf(text, sizeof(text), "process %d serves; this one drains, and ends", pid);
	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "upgraded", "%s", text);
	tell_asker(said, "upgraded", text);
	notify_send(&daemon->notify, NOTIFY_MAINPID, "MAINPID=%d", pid);
	if (daemon->upgrade.passed_on != 0)
		(void)pidfd_send_signal(
			daemon->upgrade.successor.heir_fd, daemon->upgrade.passed_on, NULL, 0);
	daemon->upgrade.done = daemon->stopping = true;
	dgram_server_shutdown(daemon->server);
}

static void settle(struct daemon *daemon, enum successor_state state, const char *why)
{
	struct upgrade *upgrade = &daemon->upgrade;
	char *text = NULL;
	size_t length;
	FILE *said = open_memstream(&text, &length);
	int error = 0;

	log_words(daemon, said);
	if (state == SUCCESSOR_READY)
		leave_to(daemon, said);
	else
		error = fail_upgrade(daemon, said, why);
	successor_end(&upgrade->successor, state);
	upgrade->runs = false;
	if (said != NULL)
		(void)fclose(said);
	if (daemon->admin != NULL)
		admin_finish(daemon->admin, error, text != NULL ? text : "");
	if (daemon->admin != NULL && upgrade->done)
		admin_hand_over(daemon->admin);
	free(text);
}

void upgrade_step(struct daemon *daemon)
{
	enum successor_state state;

	if (!daemon->upgrade.runs)
		return;
	state = successor_step(&daemon->upgrade.successor);
	if (state != SUCCESSOR_STARTS)
		settle(daemon, state, daemon->upgrade.successor.why);
}

/* A reload opens the log again, too. */
void upgrade_pass_on(struct daemon *daemon, int signal)
{
	if (daemon->upgrade.done)
		(void)pidfd_send_signal(daemon->upgrade.successor.heir_fd, signal, NULL, 0);
	else if (daemon->upgrade.passed_on != SIGHUP)
		daemon->upgrade.passed_on = signal;
}

void upgrade_cancel(struct daemon *daemon)
{
	if (!daemon->upgrade.runs)
		return;
	settle(daemon, SUCCESSOR_FAILED, "the server ends");
	if (daemon->admin != NULL)
		admin_linger(daemon->admin);
}
