/* Station 5: the user's handler, its life and its calls. */
#ifndef ENGINE_HANDLER_H
#define ENGINE_HANDLER_H

#include <dgram.h>

#include "log/log.h"
#include "core/datagram.h"
#include "engine/socket.h"

/* Values of a handler's options, in their order. */
struct handler_values {
	struct handler_values *before; /* in the list of all that are kept */
	struct dgram_setting of[];
};

/* Of a process that it makes for a request alone. The owner writes, workers read. */
struct handler_process_limits {
	_Atomic unsigned timeout_ms, memory_bytes, files;
};

/* What a handler may have its host do. */
enum handler_call_kind {
	HANDLER_CALL_REPLY,
	HANDLER_CALL_SEND,
	HANDLER_CALL_PROVE,
	HANDLER_CALL_LOG,
};

struct handler_call {
	enum handler_call_kind kind;
	enum dgram_log_level level;
	const char *event;
	const struct sockaddr *to;
	socklen_t to_length;
	const void *data;
	size_t length;
};

struct handler_request;

/* Do that for the handler's request. The result is that of the function of dgram.h. */
int handler_do(const struct handler_request *request, const struct handler_call *call);

/* The host, where that is another process. */
struct handler_host {
	int (*call)(struct handler_host *host, const struct handler_call *call);
};

/* A handler as a service uses it. `state` and `opened` are zeroed before it is opened. */
struct handler {
	const struct dgram_handler *calls;
	struct dgram_server *server;
	const char *service; /* its name */
	void *context;
	struct handler_values *values; /* as they are */
	struct handler_values
		*kept; /* these and all that were, because requests may still read them */
	struct handler_process_limits process_limits;
	void *state;
	bool opened;
	struct handler_host *host; /* NULL: this process, whose `log` and `answer` are used */
};

struct answer;

/* A request as a handler sees it, and what the functions named dgram_request_ need. */
struct handler_request {
	struct dgram_request request; /* first: a pointer to it is one to the whole */
	const struct handler *handler;
	const struct datagram *datagram;
	const struct socket *sockets; /* by number */
	struct log_ring *log;
	struct answer *answer;
};

/* Also for a handler without an open(), which logs in `log`. Errors are the handler's. Thread: owner. */
int handler_open(struct handler *handler, struct log_ring *log);

/* Give it these values, which have to stay if it takes them; one that is not open just has them. Errors are the
 * handler's, which logs in `log`: it has the values from before. Thread: owner. */
int handler_reconfigure(
	struct handler *handler, struct handler_values *values, struct log_ring *log);

/* Closing one that is not open is fine. Thread: owner. */
void handler_close(struct handler *handler);

/* Returns what handle() is given. Errors are the handler's, which logs in `log`. Thread: the worker's. */
int handler_worker_start(
	const struct handler *handler, unsigned worker, struct log_ring *log, void **ret_state);
void handler_worker_stop(const struct handler *handler, void *state);

/* Log that it refused a worker, with its error. Thread: the ring's. */
void handler_log_refusal(const struct handler *handler, struct log_ring *log, int error);

/* A request that handler_lend() points at one datagram after the other. It borrows from these. */
static inline void handler_request_init(struct handler_request *request,
	const struct handler *handler, const struct socket *sockets, struct log_ring *log,
	unsigned worker)
{
	*request = (struct handler_request){
		.request = { .worker = worker }, .handler = handler, .sockets = sockets, .log = log
	};
}

/* Point it at this datagram. */
static inline void handler_lend(struct handler_request *request, const struct datagram *datagram)
{
	struct dgram_request *lent = &request->request;

	lent->data = datagram->data;
	lent->length = datagram->length;
	lent->client = &datagram->client.sa;
	lent->client_length = datagram->addr_bytes;
	lent->local = &datagram->local.sa;
	lent->local_length = datagram->addr_bytes;
	lent->arrived = datagram->timestamp;
	request->datagram = datagram;
}

/* May it be queued? Thread: a receiver. */
bool handler_verify(const struct handler *handler, const struct handler_request *request);

/* What handler_run() returns when the handler claims to have written more than `reply_size`. */
#define HANDLER_REPLY_TOO_LONG (DGRAM_NO_REPLY - 1)

/* Answer a request that the full queue dropped. Returns the reply's length or a negative value. Thread: a
 * receiver. */
ssize_t handler_busy(const struct handler *handler, const struct handler_request *request,
	void *reply, size_t reply_size);

/* For handler_run() alone: what it returns for a length that is not a reply's. Calls handle_error(). */
ssize_t handler_fail(const struct handler *handler, void *state,
	const struct handler_request *request, ssize_t length);

/* Run the handler, and its handle_error() when it failed. Returns the reply's length, DGRAM_NO_REPLY,
 * HANDLER_REPLY_TOO_LONG or -errno. Thread: the worker's. */
static inline ssize_t handler_run(const struct handler *handler, void *state,
	const struct handler_request *request, void *reply, size_t reply_size)
{
	ssize_t length = handler->calls->handle(state, &request->request, reply, reply_size);

	if ((size_t)length <= reply_size) /* and so not negative */
		return length;
	return length == DGRAM_NO_REPLY ? length : handler_fail(handler, state, request, length);
}

#endif
