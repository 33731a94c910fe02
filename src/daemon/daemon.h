/* A running dgramd: its server, its configuration, and what reaches it from outside. Thread:
 * main. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <dgram.h>

#include "admin/admin.h"
#include "config/config.h"
#include "daemon/activation.h"
#include "daemon/cli.h"
#include "daemon/inheritance.h"
#include "daemon/notify.h"
#include "daemon/upgrade.h"
#include "daemon/watchdog.h"
#include "process/plugin.h"

struct daemon {
	const struct cli *cli;
	const struct config_source *source;
	struct config *started; /* of the start: in effect where a change needs a restart */
	struct config *live;	/* what was last applied; may be the same as `started` */
	struct dgram_server *server;
	struct activation activation;	/* until its sockets are bound */
	struct inheritance inheritance; /* the same */
	struct upgrade upgrade;
	int signal_fd;
	int wake_fd;  /* an epoll: a signal has come, or a message to the supervisor finds room */
	int delay_fd; /* a timer, while the drain is delayed; else -1 */
	int ready_fd;
	struct notify notify;
	int notify_error; /* that the log has */
	struct watchdog watchdog;
	bool speaks;	/* to the supervisor */
	bool ready;	/* the supervisor knows that each service has an address */
	bool abandoned; /* it has stopped, but handlers still run */
	int landlock;	/* see sandbox_enter() */
	int log_error;	/* why the log's files could not be reopened, the last time */
	unsigned reloads;
	unsigned reloads_failed;
	bool reload_refused; /* the last one was */
	time_t last_reload;  /* 0: there was none */
	FILE *said;	     /* takes what a reload says, a line each; NULL: nobody asked */

	struct admin *admin; /* NULL: the file names none */
	bool stopping;
	bool ends; /* a signal has said so: not an upgrade, or that, too */
	bool end_told;
	bool out; /* of service, as the admin endpoint was told */
};

/* Serve with this configuration, which it takes and which came from `source` with these plug-ins, until a signal ends
 * it. Returns the exit status. */
int daemon_serve(const struct cli *cli, const struct config_source *source, struct plugins *plugins,
	struct config *config);

/* What the server is to be given for this configuration. */
struct dgram_options daemon_options(struct daemon *daemon, const struct config *config);

/* Read the file again and apply what is live. An invalid file is refused as a whole, and the log says why, as does
 * `said`, if it is not NULL: -EINVAL. In any case, reopen the log's files. */
int daemon_reload(struct daemon *daemon, FILE *said);

void daemon_reopen_logs(struct daemon *daemon);

#endif
