/* The admin endpoint: HTTP and JSON, on a unix socket for all of it and on an address for what can only be read.
 *
 * DESIGN: threads of libmicrohttpd (`dgram/http`, one for each of the two) take the requests. What any thread may know
 * they answer themselves: statistics, and what the owner last said of itself. For all else they hang a question in a
 * list, wake the owner's loop and go on; the owner answers when its loop comes to it. So they never touch what the
 * owner owns, and nobody waits for them. Connections are bounded in number, time, silence and memory. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <dgram.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "config/admin.h"

struct admin;

/* What the owner says of itself. */
struct admin_state {
	bool ready;	   /* each service has an address */
	bool stopping;	   /* it drains, and ends */
	bool out;	   /* somebody took it out of service, though it serves */
	char waiting[256]; /* for which addresses */
	unsigned workers;
	unsigned reloads;
	unsigned reloads_failed;
	bool reload_refused;			 /* the last one was */
	time_t last_reload;			 /* 0: there was none */
	unsigned capacities[DGRAM_SERVICES_MAX]; /* of the services' queues; 0: it has none */
};

/* What only the owner can do. */
enum admin_act {
	ADMIN_NONE,
	ADMIN_LIVE, /* nothing: its loop turns */
	ADMIN_PRINT_CONFIG,
	ADMIN_PRINT_SCHEMA,
	ADMIN_RELOAD,
	ADMIN_LOG_LEVEL,
	ADMIN_TAKE_OUT,
	ADMIN_TAKE_IN,
	ADMIN_UPGRADE,
};

struct admin_order {
	enum admin_act act;
	const char *path;
	const char *argument; /* what "level" is in the path's query; "" */
	uid_t uid;	      /* of the peer */
	FILE *said;	      /* takes what there is to say: a document, or lines */
};

/* -EINVAL: it is refused, and what was said says why. -EINPROGRESS: admin_finish() will answer, of one order at a time.
 * -ENOMEM. Thread: owner. */
typedef int admin_do_fn(void *context, const struct admin_order *order);

/* The sockets of an endpoint, as another process has them, too; -1: none. */
struct admin_sockets {
	int path, address;
};

/* Open what the configuration names, or take what is inherited of it; NULL where it names nothing. Text for the log goes
 * to `why`. -EADDRINUSE: somebody listens there; -errno. Thread: owner. */
#define ADMIN_WHY_MAX 256
int admin_open(const struct config_admin *config, struct admin_sockets inherited,
	char why[static ADMIN_WHY_MAX], struct admin **ret_admin);

/* Its own, to be inherited by another process. */
struct admin_sockets admin_sockets(const struct admin *admin);

/* Where it listens: "/run/dgramd/admin.sock", "127.0.0.1:9464"; NULL after the last. */
const char *admin_place(const struct admin *admin, unsigned index);

/* Readable while the owner is to call admin_serve(). */
int admin_fd(const struct admin *admin);

/* The same, once a second. */
int admin_clock_fd(const struct admin *admin);

/* Take requests from now on, in threads that have the rights of the caller. */
int admin_start(struct admin *admin, struct dgram_server *server, char why[static ADMIN_WHY_MAX]);

/* The owner says this of itself from now on. */
void admin_tell(struct admin *admin, const struct admin_state *state);

/* Answer what was asked, note the second that has ended, and shut connections that took too long. Waits for nothing. */
void admin_serve(struct admin *admin, admin_do_fn *act, void *context);

/* What is said of the order that is in progress, if there is one: 0 or -EINVAL, and lines. */
void admin_finish(struct admin *admin, int error, const char *said);

/* Have admin_close() wait until the open connections have their answers, at most a second. */
void admin_linger(struct admin *admin);

/* The same; and another process takes the connections from now on. */
void admin_hand_over(struct admin *admin);

/* End the threads, and remove the path where nobody else listens there; free. The server must still be there. NULL is
 * fine. */
void admin_close(struct admin *admin);

#endif
