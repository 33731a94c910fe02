/* The server: assembles the stations and runs them. Private to this room. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <dgram.h>
#include <limits.h>
#include <poll.h>

#include "base/cpus.h"
#include "base/endpoint.h"
#include "base/events.h"
#include "base/limits.h"
#include "base/rule.h"
#include "engine/pool.h"
#include "engine/receiver.h"
#include "guard/notices.h"
#include "guard/tables.h"
#include "process/children.h"

/* Of an advice, with its NUL. */
#define SERVER_ADVICE_MAX 256

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
	unsigned receivers;	  /* of the host: its listeners stand one behind the other */
	int fd;			  /* that was handed in, and is the caller's; -1: none */
	atomic_bool shared;	  /* another server may have its socket, too */
	bool held;		  /* somebody else keeps it open, for good */
	struct endpoint endpoint; /* to bind to, or where that one is bound */
	bool freebind;
	int missing; /* the first's: why the host is not listened on, -errno; 0: it is */
	struct start_latch latch;
	pthread_t thread;
	bool started;
	atomic_bool ended; /* so joining it does not wait */
};

/* An eventfd that threads raise once or more, and whether the owner's loop has seen it. */
struct notice {
	struct events *events;
	struct events_watch watch; /* until it was seen */
	bool seen;
};

/* The reasons for which datagrams are lost: those of the ledger, the kernel, limits in a dry run, which lose none, and
 * the door, for what is not in the equation. */
#define SERVER_LOSSES (LEDGER_REASONS + 3)
#define SERVER_LOST_BY_KERNEL LEDGER_REASONS
#define SERVER_WOULD_LIMIT (LEDGER_REASONS + 1)
#define SERVER_WITHHELD (LEDGER_REASONS + 2)

/* The requests of a service, as the advice on its losses needs them. */
struct service_load {
	uint64_t arrived;	 /* that came to the queue in the last second */
	uint64_t arrived_before; /* and in the one before, because what was lost has waited */
	uint64_t served;	 /* in the last second, by the handler */
	uint64_t running;	 /* now */
	int64_t each_ns;	 /* how long the handler takes; 0: not measured */
};

/* A time in which datagrams are lost for one reason, and never three seconds without. */
struct loss_spell {
	uint64_t seen; /* by the last look, since the start */
	uint64_t lost; /* in this spell; 0: there is none */
	int64_t since_ns;
	int64_t last_ns;
};

/* A service's losses, as of the last look. */
struct service_losses {
	struct ledger ledger;
	struct service_load load;
	struct loss_spell spells[SERVER_LOSSES];
};

/* The figures of a service. */
#define SERVER_ONE(...) +1
enum {
	SERVER_COUNTERS = 0 LEDGER_BEGIN(SERVER_ONE) LEDGER_DROPS(SERVER_ONE)
		LEDGER_FAILURES(SERVER_ONE) LEDGER_END(SERVER_ONE),
};
#undef SERVER_ONE

/* As of the last summary. */
struct service_summary {
	uint64_t counters[SERVER_COUNTERS];
};

/* A service's children, and their limits as the options have them. */
struct server_outside {
	struct children *children; /* NULL: its handler runs here */
	struct children_limits limits;
};

struct dgram_server {
	enum server_state state;
	_Atomic(const void *)
		owner;	      /* the thread that is in a call of its, by owner.c; NULL: none */
	unsigned owner_calls; /* the owner's: one within the other */
	struct dgram_options options; /* without the services: they are in `services` */
	char *log_target;	      /* what options.log_target points to */
	struct cpus cpus;	      /* what options.cpus says */
	struct log *log;
	struct log_ring *ring;	     /* the owner's */
	struct log_ring *crash_ring; /* of the thread that a signal ends the process in */

	struct service *services;
	unsigned services_count;
	struct service_losses *losses;	   /* one a service */
	struct service_summary *summaries; /* the same */
	struct server_outside *outside;	   /* the same */
	size_t queue_capacity;		   /* of all services */
	size_t queues_bytes;
	size_t slots;		/* that may wait in queues */
	size_t helpers;		/* receivers that assist */
	unsigned slots_workers; /* the workers that the slab has slots for */
	struct socket *sockets; /* by number, as are the listeners */
	struct listener *listeners;
	unsigned sockets_count;
	struct pollfd *polls;	   /* room for handle_request(): a socket each, stop, and notices */
	struct guard_ports ports;  /* that are listened on, or were */
	struct notices notices;	   /* not open: no host needs them, or there are none */
	unsigned next_socket;	   /* that handle_request() looks at first; may be sockets_count */
	struct tables *tables;	   /* of the guard */
	struct own_addresses *own; /* NULL: no host is a wildcard */
	int own_error;		   /* why they are unknown: -errno, which the log has */
	struct slab *slab;
	struct pool pool;
	bool threadless; /* handle_request() has started the workers in the owner's thread */

	struct notice stop;	      /* shut down */
	struct notice abort;	      /* and do not drain */
	struct notice workers_done;   /* all have ended */
	struct notice receivers_done; /* the same */
	_Atomic unsigned receiving;
	_Atomic unsigned shutdowns;

	/* The owner's loop. */
	struct events events;
	struct events_watch network_watch;
	struct events_watch hook_watch;
	struct events_timer hook_timer;
	struct events_timer look_timer;
	struct events_timer summary_timer;
	struct events_timer overdue_timer;
	struct events_timer losses_timer;
	struct events_watch losses_watch;
	struct events_timer drain_timer;
	int64_t next_look_ns; /* for what is missing of the network */
	bool ready;	      /* the log has said so */
	bool drain_over;
	int hook_result; /* the first that was not 0 */
	int64_t last_summary_ns;
	int64_t last_losses_ns;
};

/* server.c: log that `event` failed with this error, a negative errno value, and return it. */
int server_failed(struct dgram_server *server, enum log_event_id event, int error);

/* options.c: -EINVAL for a value that cannot be, -ENOMEM, each also as error_text; -EINVAL with this text;
 * `error` with its own; copy all but the services. What is live of a service's. */
int server_options_check(const struct dgram_options *options);
int server_options_refuse(const struct dgram_options *options, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int server_options_fail(const struct dgram_options *options, int error);
int server_options_copy(struct dgram_server *server, const struct dgram_options *options);
struct log_settings server_options_log(const struct dgram_options *options);
struct queue_settings server_options_queue(
	const struct service *service, const struct dgram_options *options);
void server_options_set(
	struct dgram_server *server, struct service *service, const struct dgram_service *options);

/* hosts.c: the same check of what all services listen on, each valid else. */
int server_hosts_check(const struct dgram_options *options);

/* parameters.c: the same check of a handler's table of options, and of a service's options by it, `label` in
 * front of the field; of valid ones the values that open() gets, to be freed as one: -ENOMEM. */
int server_parameters_check_table(const struct dgram_options *options,
	const struct dgram_handler *handler, const char *label);
int server_parameters_check(const struct dgram_options *options,
	const struct dgram_service *service, const char *label);
int server_parameters_copy(const struct dgram_service *service, struct handler_values **ret_values);

/* values.c: a handler's values, as its service's options say: -ENOMEM; free all that there were. Have handlers
 * take those that are live, all or none: -errno, and error_text says whose refused; `ret_before` is what to go
 * back to. */
int server_values_make(struct handler *handler, const struct dgram_service *options);
void server_values_free(struct handler *handler);
int server_values_change(struct dgram_server *server, const struct dgram_options *options,
	struct handler_values *ret_before[static DGRAM_SERVICES_MAX]);
void server_values_restore(struct dgram_server *server,
	struct handler_values *const before[static DGRAM_SERVICES_MAX]);

/* reconfigure.c: what the options say of this service, which is known by its name, or NULL. */
const struct dgram_service *server_reconfigure_find(
	const struct service *service, const struct dgram_options *options);

static inline const char *server_service_name(const struct dgram_service *service)
{
	return service->name != NULL ? service->name : service->handler->name;
}

/* access.c: the tables of the options' services, as these say: -EINVAL, -ENOMEM, each also as error_text. Put them in
 * force, and free those that were; or free them; what is in force takes so many bytes. */
struct server_access {
	struct access *of[DGRAM_SERVICES_MAX][ACCESS_TABLES];
};
int server_access_make(const struct dgram_options *options, struct server_access *ret_made);
void server_access_put(struct dgram_server *server, const struct dgram_options *options,
	struct server_access *made);
void server_access_free(struct server_access *made);
size_t server_access_bytes(const struct dgram_server *server);

/* fds.c: the same check of the sockets that were handed in; where one is bound: -errno. */
int server_fds_check(const struct dgram_options *options);
int server_fds_address(int fd, union addr *ret_address);

/* inherit.c: the next socket that this server inherits and that is the host's, where it is to be bound to `wanted`:
 * behind `before` (NULL: the first); NULL: there is none. */
const struct dgram_inherited *server_inherit_find(const struct dgram_server *server,
	const struct listener *host, const union addr *wanted,
	const struct dgram_inherited *before);

/* Where a service listens, by default on loopback; nowhere but at the sockets that were handed in. */
static inline size_t server_hosts(const struct dgram_service *service)
{
	if (service->fds_count > 0)
		return 0;
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

/* listen.c: a host is its first listener. Open a socket for each of its receivers, all or none, and note why not in
 * `missing`; log that it is listened on, by these sockets; or that it is not. */
int server_listen_open(
	struct dgram_server *server, struct listener *host, struct socket *ret_sockets);
void server_listen_log(
	struct dgram_server *server, const struct listener *host, const struct socket *sockets);
void server_listen_log_missing(
	struct dgram_server *server, const struct listener *host, enum log_event_id event);

/* late.c: may the address come? Has this service one? Let a host wait for its. */
bool server_late_is_missing(int error);
bool server_late_has_address(const struct dgram_server *server, unsigned service);
int server_late_begin(struct dgram_server *server, struct listener *host);

/* Look for the addresses that hosts wait for, and for interfaces that were made anew. Returns whether there is
 * more to wait for. Can there ever be? */
bool server_late_look(struct dgram_server *server);
bool server_late_can_change(const struct dgram_server *server);

/* Write which hosts wait, and why, as dgram_server_waiting() does; of this service, or of all. */
#define SERVER_ALL_SERVICES UINT_MAX
size_t server_late_format(
	const struct dgram_server *server, unsigned service, char *text, size_t size);

/* own.c: the machine's own addresses, where a host is a wildcard: read them, and log if they are unknown then.
 * May it help to read them again? */
int server_own_make(struct dgram_server *server);
void server_own_read(struct dgram_server *server);
bool server_own_is_due(const struct dgram_server *server);

/* network.c: follow its changes, once the sockets are open; a descriptor to poll, -1: none; take in what has
 * come there; look for what is missing, when that is due. */
void server_network_open(struct dgram_server *server);
int server_network_fd(const struct dgram_server *server);
void server_network_follow(struct dgram_server *server);
void server_network_look(struct dgram_server *server);

/* owner.c: the calling thread is the owner until it leaves. -EBUSY: another thread is, or, for a call that the
 * hook must not make, this one. */
int server_owner_enter(struct dgram_server *server);
int server_owner_enter_from_hook(struct dgram_server *server);
void server_owner_leave(struct dgram_server *server);

/* bind.c, start.c: what the public functions of these names do, for the owner. */
int server_bind(struct dgram_server *server);
int server_start(struct dgram_server *server);

/* serve.c: have the owner's loop look at the hook's descriptor and at the machine's network; no more. Call the hook
 * soon. */
int server_serve_watch(struct dgram_server *server);
void server_serve_unwatch(struct dgram_server *server);
void server_serve_hurry_hook(struct dgram_server *server);

/* stop.c: drain and end all threads: 0, or -ETIMEDOUT: handlers still run. */
int server_stop(struct dgram_server *server);

/* start.c: log that it is ready, once all threads run and each service has an address. */
void server_start_log_ready(struct dgram_server *server);

/* Join the receivers' threads, all of which end, or those that have ended. */
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

/* records.c: log the last requests of a worker. Async-signal-safe. */
void server_records_log(
	struct dgram_server *server, struct log_ring *ring, const struct worker *worker);

/* worker_stats.c: the pool's first, then those of receivers; NULL: there are not so many. What is in a histogram that nobody adds to any more; returns how many buckets that takes. */
struct worker *server_worker_stats_find(struct dgram_server *server, size_t index);
size_t server_worker_stats_buckets(const struct histogram *copy, struct dgram_bucket *buckets);

/* The source of a log line in its name. */
static inline struct log_source server_worker_source(const struct worker *worker)
{
	return worker->only == NULL
		       ? (struct log_source){ LOG_WORKER, worker->number }
		       : (struct log_source){ LOG_RECEIVER, worker->number - DGRAM_WORKERS_MAX };
}

/* books.c: the books of a service; a line of them for each service, at the end. */
void server_books(struct dgram_server *server, unsigned service, struct queue_report *ret_report);
void server_books_log_ledger(struct dgram_server *server);

/* Fill fields with what each figure that counts has grown by since the last call, and what each that can fall is now,
 * where that is not 0; returns how many. */
size_t server_books_changes(struct dgram_server *server, unsigned service,
	struct log_field fields[static SERVER_COUNTERS]);

/* summary.c: have summary lines written, from now on. */
void server_summary_plan(struct dgram_server *server);

uint64_t server_books_kernel_drops(const struct dgram_server *server, unsigned service);

/* losses.c: log what was lost since the last look, which is done each second from now on, while something arrives; or
 * if that is due. */
int server_losses_open(struct dgram_server *server);
void server_losses_close(const struct dgram_server *server);
void server_losses_look(struct dgram_server *server);
void server_losses_plan(struct dgram_server *server);
void server_losses_catch_up(struct dgram_server *server);

/* advice.c: what to do about losses that overload causes; `advice` for all other reasons. */
void server_advice(const struct dgram_server *server, unsigned service, unsigned reason,
	const char *advice, char text[static SERVER_ADVICE_MAX]);

/* outside.c: note what a service's options say of children; make the keepers of those that handlers ask for: -errno, which was
 * logged; have children, as many as workers may want, from now on; kill all, so that no worker waits for one; end all,
 * once no worker does; figures; bytes of address space. */
void server_outside_set(
	struct dgram_server *server, unsigned service, const struct dgram_service *options);
int server_outside_make(struct dgram_server *server);
void server_outside_limit(struct dgram_server *server);
void server_outside_abort(struct dgram_server *server);
void server_outside_stop(struct dgram_server *server);
void server_outside_free(struct dgram_server *server);
void server_outside_count(
	const struct dgram_server *server, unsigned service, struct dgram_service_stats *stats);
size_t server_outside_bytes(const struct dgram_server *server);

/* overdue.c: look for handlers that run for too long, and have the next looks made. */
void server_overdue_check(struct dgram_server *server);
void server_overdue_plan(struct dgram_server *server);

/* Does it count as overdue? Thread: any. */
bool server_overdue_is(struct worker *worker);

/* Say what a worker's thread does, and of the call that it is in, which is only known while calls are watched. */
void server_overdue_show(struct worker *worker, struct dgram_worker_requests *shown);

#endif
