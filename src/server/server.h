/* The server: assembles the stations and runs them. Private to the files named server. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <dgram.h>
#include <poll.h>

#include "base/cpus.h"
#include "engine/pool.h"
#include "engine/receiver.h"

/* How long a log's target that takes nothing is waited for at the end. */
#define SERVER_LOG_STOP_MS 500

enum server_state {
	SERVER_NEW,
	SERVER_BOUND,
	SERVER_STARTED,
	SERVER_STOPPED,
	SERVER_ABANDONED, /* stopped, but handlers still run: their threads use all of it */
};

/* A socket, its receiver and the receiver's thread. */
struct listener {
	struct dgram_server *server;
	struct receiver receiver;
	unsigned service;
	unsigned host;	    /* of the service's */
	unsigned lane;	    /* of the host's receivers: those of lane 0 are the first bound */
	union addr address; /* to bind to */
	struct gate gate;
	pthread_t thread;
	bool started;
	atomic_bool ended; /* so joining it does not wait */
};

struct dgram_server {
	enum server_state state;
	struct dgram_options options; /* without the services: they are in `services` */
	char *log_target;	      /* what options.log_target points to */
	struct cpus cpus;	      /* what options.cpus says */
	struct log *log;
	struct log_ring *ring; /* the owner's */

	struct service *services;
	unsigned services_count;
	size_t queue_capacity; /* of all services */
	size_t queues_bytes;
	size_t slots;		/* that may wait in queues */
	size_t helpers;		/* receivers that help */
	unsigned slots_workers; /* for whose hands the slab has slots */
	struct socket *sockets; /* by number, as are the listeners */
	struct listener *listeners;
	unsigned sockets_count;
	struct pollfd *polls; /* room for handle_request(): a socket each, and stop_fd */
	struct slab *slab;
	struct pool pool;
	bool alone; /* handle_request() has started the workers in the owner's thread */

	/* eventfds */
	int stop_fd; /* readable: shut down */
	int now_fd;  /* readable: and do not drain */
	int done_fd; /* readable: all workers have ended */
	int deaf_fd; /* readable: all receivers have ended */
	_Atomic unsigned receiving;
	_Atomic unsigned shutdowns;

	int64_t next_hook_ns;
	int64_t next_summary_ns;
	int64_t next_watch_ns;
	int64_t last_summary_ns;
};

/* server_options.c: check, -EINVAL when a value is out of its range; copy all but the services. */
int server_check_options(const struct dgram_options *options);
int server_copy_options(struct dgram_server *server, const struct dgram_options *options);
struct log_settings server_log_settings(const struct dgram_options *options);
struct queue_settings server_queue_settings(const struct service *service, unsigned workers);

/* Threads of the pool: none where all is inline. */
static inline unsigned server_workers(
	const struct dgram_server *server, const struct dgram_options *options)
{
	return server->queue_capacity > 0 ? options->workers : 0;
}

/* server_bind.c: open the log as the options say, with files for so many workers; close sockets and
 * services; one line that says what failed and why, which returns `error` (-errno). */
int server_apply_log(struct dgram_server *server, const struct dgram_options *options);
void server_close(struct dgram_server *server);
int server_failed(struct dgram_server *server, enum log_event_id event, int error);

/* server_start.c: take back the receivers' threads, all of which end, or those that have ended; the
 * most memory that the server will touch. */
void server_join_receivers(struct dgram_server *server);
void server_join_ended_receivers(struct dgram_server *server);
size_t server_memory_bytes(const struct dgram_server *server);

/* server_serve.c: end what handle_request() has started. */
void server_stop_alone(struct dgram_server *server);

/* server_make.c: the services and the sockets' receivers, as the options say. -ENOMEM, -EINVAL. */
int server_make(struct dgram_server *server, const struct dgram_service *services);

/* By number, a receiver's too; NULL: there is none. And the source of a line in its name. */
static inline struct worker *server_worker(struct dgram_server *server, unsigned number)
{
	return number < DGRAM_WORKERS_MAX
		       ? server->pool.members[number].worker
		       : server->listeners[number - DGRAM_WORKERS_MAX].receiver.worker;
}

static inline struct log_source server_worker_source(const struct worker *worker)
{
	return worker->only == NULL
		       ? (struct log_source){ LOG_WORKER, worker->number }
		       : (struct log_source){ LOG_RECEIVER, worker->number - DGRAM_WORKERS_MAX };
}

/* server_books.c: the books of a service; a line of them; one for each service, at the end. */
void server_books(struct dgram_server *server, unsigned service, struct queue_report *ret_report);
void server_log_books(struct dgram_server *server, unsigned service, enum log_event_id event);
void server_log_ledger(struct dgram_server *server);

/* server_summary.c: a line for each worker and one for each service; when the next are due. */
void server_log_summary(struct dgram_server *server, int64_t now_ns);
void server_plan_summary(struct dgram_server *server);

/* server_watch.c: look for overdue handlers; when next. */
void server_watch(struct dgram_server *server, int64_t now_ns);
void server_plan_watch(struct dgram_server *server, int64_t now_ns);

#endif
