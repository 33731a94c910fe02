#include "admin/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/connection.h"
#include "admin/route.h"

/* The library has no limit of its own for the first two, and takes 1,018 connections. */
#define SILENCE_MAX_S 10u
#define UPLOAD_BYTES_MAX 4096
#define CONNECTIONS_MAX 64u
#define CONNECTION_BYTES ((size_t)8192)

/* Nothing inline, nothing from elsewhere, in nobody's frame. */
#define CONTENT_POLICY                                                              \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* A request and its answer. */
struct exchange {
	struct question question;
	struct admin *admin;
	struct MHD_Connection *connection;
	size_t uploaded;
	bool answered;
};

static int peer_fd(const struct exchange *exchange)
{
	return exchange->admin->library
		->MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		->connect_fd;
}

/* Of a unix socket. */
static bool is_local(const struct exchange *exchange)
{
	const union MHD_ConnectionInfo *info = exchange->admin->library->MHD_get_connection_info(
		exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info->client_addr->sa_family == AF_UNIX;
}

static uid_t peer_uid(const struct exchange *exchange)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);

	(void)getsockopt(peer_fd(exchange), SOL_SOCKET, SO_PEERCRED, &peer, &length);
	return peer.uid;
}

static const char *value_of(
	const struct exchange *exchange, enum MHD_ValueKind kind, const char *name)
{
	return exchange->admin->library->MHD_lookup_connection_value(
		exchange->connection, kind, name);
}

static bool has_argument(const struct exchange *exchange, const char *name)
{
	return exchange->admin->library->MHD_lookup_connection_value_n(exchange->connection,
		       MHD_GET_ARGUMENT_KIND, name, strlen(name), NULL, NULL) == MHD_YES;
}

/* A name that is not ours may be a page's elsewhere, which has it point to this machine (DNS rebinding): so it is a
 * numeric address, or localhost. */
static bool is_host_ours(const char *host)
{
	char text[INET6_ADDRSTRLEN + 1] = "";
	struct in6_addr ignored;
	size_t length;

	if (host == NULL)
		return false;
	if (host[0] == '[') {
		length = strcspn(host, "]");
		if (length >= sizeof(text))
			return false;
		memcpy(text, host + 1, length - 1);
		return host[length] == ']' && inet_pton(AF_INET6, text, &ignored) == 1;
	}
	length = strcspn(host, ":");
	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	return strcasecmp(text, "localhost") == 0 || inet_pton(AF_INET, text, &ignored) == 1;
}

static void add_headers(const struct library *library, struct MHD_Response *response,
	const struct admin_answer *answer)
{
	const struct {
		const char *name, *value;
	} headers[] = {
		{ "Content-Type", answer->type },
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Content-Security-Policy", CONTENT_POLICY },
		{ "Connection", "close" },
		{ "Allow", answer->allow },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i].value != NULL)
			(void)library->MHD_add_response_header(
				response, headers[i].name, headers[i].value);
}

static struct connection *connection_of(const struct exchange *exchange)
{
	return exchange->admin->library
		->MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

static enum MHD_Result respond(struct exchange *exchange)
{
	const struct library *library = exchange->admin->library;
	struct admin_answer *answer = &exchange->question.answer;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (answer->body == NULL)
		answer->status = 500;
	response = library->MHD_create_response_from_buffer(
		answer->length, answer->body, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return MHD_NO;
	answer->body = NULL;
	connection_answer(exchange->admin, connection_of(exchange));
	add_headers(library, response, answer);
	result = library->MHD_queue_response(exchange->connection, answer->status, response);
	library->MHD_destroy_response(response);
	return result;
}

/* The library calls on_request() again then. Thread: owner, or the connection's. */
static void resume(struct question *question)
{
	struct exchange *exchange = LINK_OWNER(question, struct exchange, question);

	exchange->answered = true;
	exchange->admin->library->MHD_resume_connection(exchange->connection);
}

/* The owner may resume it as soon as it was asked. */
static enum MHD_Result ask_owner(
	struct exchange *exchange, const struct route *route, const char *path)
{
	struct question *question = &exchange->question;
	const char *level = value_of(exchange, MHD_GET_ARGUMENT_KIND, "level");

	question->act = route->act == ADMIN_RELOAD && has_argument(exchange, "all") ? ADMIN_UPGRADE
										    : route->act;
	question->uid = peer_uid(exchange);
	question->answered = resume;
	(void)snprintf(question->path, sizeof(question->path), "%s", path);
	(void)snprintf(
		question->argument, sizeof(question->argument), "%s", level != NULL ? level : "");
	connection_wait(exchange->admin, connection_of(exchange));
	exchange->admin->library->MHD_suspend_connection(exchange->connection);
	if (!questions_ask(&exchange->admin->questions, question)) {
		answer_refuse(&question->answer, 503, "the server ends");
		resume(question);
	}
	return MHD_YES;
}

static enum MHD_Result begin_answer(struct exchange *exchange, const char *method, const char *path)
{
	struct admin_answer *answer = &exchange->question.answer;
	bool local = is_local(exchange);
	const struct route *route;
	unsigned long number = 0;

	if (!local && !is_host_ours(value_of(exchange, MHD_HEADER_KIND, "Host"))) {
		answer_refuse(answer, 403, "Host must be a numeric address or localhost");
		return respond(exchange);
	}
	route = route_find(method, path, local, &number, answer);
	if (route != NULL && route->act != ADMIN_NONE)
		return ask_owner(exchange, route, path);
	if (route != NULL)
		route->view(exchange->admin, number, answer);
	return respond(exchange);
}

static struct exchange *make_exchange(struct admin *admin, struct MHD_Connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->admin = admin;
	exchange->connection = connection;
	return exchange;
}

/* Called with the headers, then with each part of a body, which nothing here reads, then to answer, and once more
 * when the owner has answered. NOLINTNEXTLINE(readability-function-size): the library's parameters */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *data,
	size_t *data_bytes, void **place)
{
	struct exchange *exchange = *place;

	(void)version, (void)data;
	if (exchange == NULL) {
		*place = make_exchange(context, connection);
		return *place != NULL ? MHD_YES : MHD_NO;
	}
	if (*data_bytes > 0) {
		exchange->uploaded += *data_bytes;
		*data_bytes = 0;
		return exchange->uploaded <= UPLOAD_BYTES_MAX ? MHD_YES : MHD_NO;
	}
	return exchange->answered ? respond(exchange) : begin_answer(exchange, method, path);
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **place,
	enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *place;

	(void)context, (void)connection, (void)code;
	if (exchange != NULL)
		free(exchange->question.answer.body);
	free(exchange);
	*place = NULL;
}

/* The library's name for its thread says nothing. It closes the descriptor after the end. */
static void note_connection(void *context, struct MHD_Connection *connection, void **place,
	enum MHD_ConnectionNotificationCode code)
{
	struct admin *admin = context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		connection_end(admin, *place);
		return;
	}
	(void)pthread_setname_np(pthread_self(), "dgram/http");
	*place = connection_begin(admin,
		admin->library
			->MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd);
}

/* MHD_USE_AUTO alone does not have an ITC, without which the end would shut the socket down for all who have it. */
struct MHD_Daemon *http_start(struct admin *admin, const struct admin_listener *listener)
{
	int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
	struct MHD_Daemon *daemon;

	if (fd < 0)
		return NULL;
	daemon = admin->library->MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD |
							  MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME,
		0, NULL, NULL, on_request, admin, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		SILENCE_MAX_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		note_connection, admin, MHD_OPTION_END);
	return daemon;
}

int http_quiesce(struct admin *admin, struct MHD_Daemon *daemon)
{
	return admin->library->MHD_quiesce_daemon(daemon);
}

void http_stop(struct admin *admin, struct MHD_Daemon *daemon)
{
	admin->library->MHD_stop_daemon(daemon);
}
