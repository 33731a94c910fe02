/* The server: assembles the stations and runs them. Private to this room. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <dgram.h>
#include <poll.h>

#include "base/cpus.h"
#include "base/endpoint.h"
#include "base/limits.h"
#include "base/rule.h"
#include "engine/pool.h"
#include "engine/receiver.h"

/* How long the end waits for a log target that takes nothing. Half a second is what a supervisor's stop
 * timeout (10 s at least) does not notice. */
#define SERVER_LOG_STOP_MS 500

enum server_state {
	SERVER_NEW,
	SERVER_BOUND,
	SERVER_STARTED,
	SERVER_STOPPED,
	SERVER_ABANDONED, /* stopped, but handlers still run in threads that use all of it */
};

/* A socket, its receiver and the receiver's thread. */
struct listener {
	struct dgram_server *server;
	struct receiver receiver;
	unsigned service;
	unsigned host;		  /* of the service's */
	unsigned reuseport_index; /* of the host's receivers; 0 is bound first */
	struct endpoint endpoint; /* to bind to */
	bool freebind;
	struct start_latch latch;
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
	size_t helpers;		/* receivers that assist */
	unsigned slots_workers; /* the workers that the slab has slots for */
	struct socket *sockets; /* by number, as are the listeners */
	struct listener *listeners;
	unsigned sockets_count;
	struct pollfd *polls; /* room for handle_request(): a socket each, stop_fd, and `own` */
	struct own_addresses *own; /* NULL: no host is a wildcard */
	bool own_unknown;	   /* the log has said so */
	struct slab *slab;
	struct pool pool;
	bool threadless; /* handle_request() has started the workers in the owner's thread */

	/* eventfds */
	int stop_fd;	       /* readable: shut down */
	int abort_fd;	       /* readable: and do not drain */
	int workers_done_fd;   /* readable: all workers have ended */
	int receivers_done_fd; /* readable: all receivers have ended */
	_Atomic unsigned receiving;
	_Atomic unsigned shutdowns;

	int64_t next_hook_ns;
	int64_t next_summary_ns;
	int64_t next_overdue_check_ns;
	int64_t last_summary_ns;
};

/* server.c: log that `event` failed with this error, a negative errno value, and return it. */
int server_failed(struct dgram_server *server, enum log_event_id event, int error);

/* options.c: -EINVAL for a value that cannot be, -ENOMEM, each also as error_text; -EINVAL with this text;
 * `error` with its own; copy all but the services. */
int server_options_check(const struct dgram_options *options);
int server_options_refuse(const struct dgram_options *options, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int server_options_fail(const struct dgram_options *options, int error);
int server_options_copy(struct dgram_server *server, const struct dgram_options *options);
struct log_settings server_options_log(const struct dgram_options *options);
struct queue_settings server_options_queue(
	const struct service *service, const struct dgram_options *options);

/* hosts.c: the same check of what all services listen on, each valid else. */
int server_hosts_check(const struct dgram_options *options);

/* parameters.c: the same check of the options of a service's handler, `label` in front of the field; of
 * valid ones the values that open() gets, to be freed as one: -ENOMEM. */
int server_parameters_check(const struct dgram_options *options,
	const struct dgram_service *service, const char *label);
int server_parameters_copy(const struct dgram_service *service, struct dgram_setting **ret_values);

static inline const char *server_service_name(const struct dgram_service *service)
{
	return service->name != NULL ? service->name : service->handler->name;
}

/* Where a service listens, by default on loopback. */
static inline size_t server_hosts(const struct dgram_service *service)
{
	return service->hosts_count > 0 ? service->hosts_count : 1;
}

static inline enum endpoint_verdict server_endpoint(
	const struct dgram_service *service, size_t host, struct endpoint *ret_endpoint)
{
	return endpoint_parse(service->hosts_count > 0 ? service->hosts[host] : DEFAULT_HOST,
		service->port, ret_endpoint);
}

/* Threads of the pool: none where all services are inline. */
static inline unsigned server_workers(
	const struct dgram_server *server, const struct dgram_options *options)
{
	return server->queue_capacity > 0 ? options->workers : 0;
}

/* bind.c: open the log as the options say, with files for their workers; close sockets and services. */
int server_bind_log(struct dgram_server *server, const struct dgram_options *options);
void server_bind_undo(struct dgram_server *server);

/* own.c: learn the machine's own addresses, where a host is a wildcard; a descriptor to poll, -1: none; take
 * in what has changed. */
int server_own_make(struct dgram_server *server);
void server_own_open(struct dgram_server *server);
int server_own_fd(const struct dgram_server *server);
void server_own_follow(struct dgram_server *server);

/* start.c: join the receivers' threads, all of which end, or those that have ended. */
void server_start_join(struct dgram_server *server);
void server_start_join_ended(struct dgram_server *server);

/* threadless.c: end what handle_request() has started. */
void server_threadless_stop(struct dgram_server *server);

/* A worker by its number, a receiver's too; NULL: there is none. */
static inline struct worker *server_worker(struct dgram_server *server, unsigned number)
{
	return number < DGRAM_WORKERS_MAX
		       ? server->pool.members[number].worker
		       : server->listeners[number - DGRAM_WORKERS_MAX].receiver.worker;
}

/* The source of a log line in its name. */
static inline struct log_source server_worker_source(const struct worker *worker)
{
	return worker->only == NULL
		       ? (struct log_source){ LOG_WORKER, worker->number }
		       : (struct log_source){ LOG_RECEIVER, worker->number - DGRAM_WORKERS_MAX };
}

/* books.c: the books of a service; a line of them; such a line for each service, at the end. */
void server_books(struct dgram_server *server, unsigned service, struct queue_report *ret_report);
void server_books_log(struct dgram_server *server, unsigned service, enum log_event_id event);
void server_books_log_ledger(struct dgram_server *server);

/* summary.c: a line for each worker and one for each service; when the next are due. */
void server_summary_log(struct dgram_server *server, int64_t now_ns);
void server_summary_plan(struct dgram_server *server);

/* overdue.c: look for handlers that run for too long; when the next look is due. */
void server_overdue_check(struct dgram_server *server, int64_t now_ns);
void server_overdue_plan(struct dgram_server *server, int64_t now_ns);

#endif
