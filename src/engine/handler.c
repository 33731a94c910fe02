#include "engine/handler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "engine/answer.h"

/* The kernel's MAX_ERRNO. */
#define ERRNO_MAX 4095

static int negative(int error)
{
	return error > 0 ? -error : error;
}

/* What open(), worker_start() and reconfigure() are given, and what dgram_log() needs. */
struct starting {
	struct dgram_start start; /* first: a pointer to it is one to the whole */
	struct handler_host *host;
	struct log_ring *log;
};

static struct starting starting_of(
	const struct handler *handler, unsigned worker, struct log_ring *log)
{
	return (struct starting){
		.start = {
			.server = handler->server,
			.service = handler->service,
			.values = handler->values->of,
			.worker = worker,
		},
		.host = handler->host,
		.log = log,
	};
}

int handler_open(struct handler *handler, struct log_ring *log)
{
	struct starting starting = starting_of(handler, 0, log);
	int error = 0;

	handler->state = handler->context;
	if (handler->calls->open != NULL)
		error = negative(
			handler->calls->open(handler->context, &starting.start, &handler->state));
	handler->opened = error == 0;
	return error;
}

int handler_reconfigure(
	struct handler *handler, struct handler_values *values, struct log_ring *log)
{
	struct starting starting = starting_of(handler, 0, log);
	int error = 0;

	starting.start.values = values->of;
	if (handler->opened && handler->calls->reconfigure != NULL)
		error = negative(handler->calls->reconfigure(handler->state, &starting.start));
	if (error == 0)
		handler->values = values;
	return error;
}

void handler_close(struct handler *handler)
{
	if (handler->opened && handler->calls->close != NULL)
		handler->calls->close(handler->state);
	handler->opened = false;
}

int handler_worker_start(
	const struct handler *handler, unsigned worker, struct log_ring *log, void **ret_state)
{
	struct starting starting = starting_of(handler, worker, log);

	if (handler->calls->worker_start != NULL)
		return negative(
			handler->calls->worker_start(handler->state, &starting.start, ret_state));
	*ret_state = handler->state;
	return 0;
}

void handler_worker_stop(const struct handler *handler, void *state)
{
	if (handler->calls->worker_stop != NULL)
		handler->calls->worker_stop(state);
}

void handler_log_refusal(const struct handler *handler, struct log_ring *log, int error)
{
	log_event(log, EVENT_CANNOT_START_HANDLER,
		LOG_FIELDS(log_text("service", handler->service), log_errno("error", -error)));
}

bool handler_verify(const struct handler *handler, const struct handler_request *request)
{
	return handler->calls->verify == NULL ||
	       handler->calls->verify(handler->state, &request->request);
}

ssize_t handler_fail(const struct handler *handler, void *state,
	const struct handler_request *request, ssize_t length)
{
	int error;

	if (length > 0)
		length = HANDLER_REPLY_TOO_LONG;
	else if (length < -ERRNO_MAX)
		length = -EINVAL;
	error = length == HANDLER_REPLY_TOO_LONG ? EMSGSIZE : (int)-length;
	if (handler->calls->handle_error != NULL)
		handler->calls->handle_error(state, &request->request, error);
	return length;
}

ssize_t handler_busy(const struct handler *handler, const struct handler_request *request,
	void *reply, size_t reply_size)
{
	ssize_t length = handler->calls->busy(handler->state, &request->request, reply, reply_size);

	return length <= (ssize_t)reply_size ? length : HANDLER_REPLY_TOO_LONG;
}

static void log_there(
	struct handler_host *host, enum dgram_log_level level, const char *event, const char *text)
{
	(void)host->call(host, &(struct handler_call){ .kind = HANDLER_CALL_LOG,
				       .level = level,
				       .event = event,
				       .data = text,
				       .length = strlen(text) });
}

void dgram_log(const struct dgram_start *start, enum dgram_log_level level, const char *event,
	const char *format, ...)
{
	const struct starting *whole = (const struct starting *)(const void *)start;
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (whole->host != NULL) {
		log_there(whole->host, level, event, text);
		return;
	}
	log_user_event(whole->log, (enum log_level)level, event,
		LOG_FIELDS(log_text("service", start->service), log_text("message", text)));
}

static const struct handler_request *whole(const struct dgram_request *request)
{
	return (const struct handler_request *)(const void *)request;
}

void dgram_request_log(const struct dgram_request *request, enum dgram_log_level level,
	const char *event, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (whole(request)->handler->host != NULL) {
		log_there(whole(request)->handler->host, level, event, text);
		return;
	}
	log_user_event(whole(request)->log, (enum log_level)level, event,
		LOG_FIELDS(log_addr("client", &whole(request)->datagram->client),
			log_text("message", text)));
}

struct dgram_server *dgram_request_server(const struct dgram_request *request)
{
	return whole(request)->handler->server;
}

const char *dgram_request_service(const struct dgram_request *request)
{
	return whole(request)->handler->service;
}

void *dgram_request_state(const struct dgram_request *request)
{
	return whole(request)->handler->state;
}

struct dgram_process_limits dgram_request_process_limits(const struct dgram_request *request)
{
	const struct handler_process_limits *limits = &whole(request)->handler->process_limits;

	return (struct dgram_process_limits){
		.timeout_ms = atomic_load_explicit(&limits->timeout_ms, memory_order_relaxed),
		.memory_bytes = atomic_load_explicit(&limits->memory_bytes, memory_order_relaxed),
		.files = atomic_load_explicit(&limits->files, memory_order_relaxed),
	};
}

/* As the kernel takes it: udp(7)'s sockets send to AF_UNSPEC as to AF_INET. What it refuses does not matter. */
static union addr address_of(const struct sockaddr *to, socklen_t length)
{
	union addr address = { .in6 = { 0 } };

	if (to != NULL)
		memcpy(&address, to, length < sizeof(address) ? length : sizeof(address));
	if (address.sa.sa_family == AF_UNSPEC)
		address.sa.sa_family = AF_INET;
	return address;
}

static int send_here(const struct handler_request *lent, const struct sockaddr *to,
	socklen_t to_length, const void *data, size_t length)
{
	struct send_control control;
	const union addr address = address_of(to, to_length), *client = &lent->datagram->client;
	const struct departure departure = { lent->datagram,
		addr_same(&address, client) ? client : &address, data, length,
		lent->answer->counted };
	struct iovec vector = { .iov_base = (void *)(uintptr_t)data, .iov_len = length };
	struct mmsghdr message = {
		.msg_hdr = {
			.msg_name = (void *)(uintptr_t)to,
			.msg_namelen = to_length,
			.msg_iov = &vector,
			.msg_iovlen = 1,
			.msg_control = &control,
		},
	};
	int count;

	if (answer_may_send(lent->answer, &departure) < 0)
		return -EDQUOT;
	message.msg_hdr.msg_controllen = socket_source(&lent->datagram->local, &control);
	count = sys_send(lent->sockets[lent->datagram->socket].fd, &message, 1);
	return count < 0 ? count : 0;
}

int dgram_request_send(const struct dgram_request *request, const struct sockaddr *to,
	socklen_t to_length, const void *data, size_t length)
{
	const struct handler_request *lent = whole(request);
	struct handler_host *host = lent->handler->host;

	if (host == NULL)
		return send_here(lent, to, to_length, data, length);
	return host->call(host, &(struct handler_call){ .kind = HANDLER_CALL_SEND,
					.to = to,
					.to_length = to_length,
					.data = data,
					.length = length });
}

void dgram_request_prove(const struct dgram_request *request)
{
	const struct handler_request *lent = whole(request);
	struct handler_host *host = lent->handler->host;

	if (host != NULL) {
		(void)host->call(host, &(struct handler_call){ .kind = HANDLER_CALL_PROVE });
		return;
	}
	door_prove(lent->answer->door, &lent->datagram->client);
}

int dgram_request_reply(const struct dgram_request *request, const void *data, size_t length)
{
	const struct handler_request *lent = whole(request);
	struct handler_host *host = lent->handler->host;
	struct answer *answer = lent->answer;

	if (host != NULL)
		return host->call(
			host, &(struct handler_call){
				      .kind = HANDLER_CALL_REPLY, .data = data, .length = length });
	if (answer->replies == NULL)
		return -EOPNOTSUPP;
	if (length > answer->bytes_max)
		return -EMSGSIZE;
	return answer_now(answer, lent->datagram, data, length);
}

int handler_do(const struct handler_request *request, const struct handler_call *call)
{
	const struct dgram_request *lent = &request->request;

	switch (call->kind) {
	case HANDLER_CALL_REPLY:
		return dgram_request_reply(lent, call->data, call->length);
	case HANDLER_CALL_SEND:
		return dgram_request_send(
			lent, call->to, call->to_length, call->data, call->length);
	case HANDLER_CALL_PROVE:
		dgram_request_prove(lent);
		return 0;
	case HANDLER_CALL_LOG:
		dgram_request_log(lent, call->level, call->event, "%.*s", (int)call->length,
			(const char *)call->data);
		return 0;
	}
	return -EINVAL;
}
