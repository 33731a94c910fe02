/* A handler that does what a request says: "echo hello", "fail 5". tests/e2e/test_handlers.py asks it, in each form
 * that a handler can have: linked into a program, which this is, and as a plug-in. */
#include <arpa/inet.h>
#include <dgramd.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GREETING, LIMIT, MODE, TAGS, SHARE, STRICT, REFUSES, PARAMETERS };

static const char *const modes[] = { "slow", "quick", NULL };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[GREETING] = { "greeting", DGRAM_TEXT, .maximum = 16, .text = "hello",
		.sentence = "What it says.", .live = true },
	[LIMIT] = { "limit", DGRAM_WHOLE, .maximum = 100, .initial = 10,
		.sentence = "How many; it does not take 13 while it runs.", .live = true },
	[MODE] = { "mode", DGRAM_WORD, .words = modes, .sentence = "How." },
	[TAGS] = { "tags", DGRAM_TEXTS, .maximum = 3, .sentence = "Of what.", .live = true },
	[SHARE] = { "share", DGRAM_NUMBER, .maximum = 1, .initial = 0.5, .sentence = "Of all." },
	[STRICT] = { "strict", DGRAM_BOOLEAN, .sentence = "Whether." },
	[REFUSES] = { "refuses", DGRAM_WORD,
		.words = (const char *const[]){ "nothing", "open", "worker", NULL },
		.sentence = "What fails at the start." },
};

struct subject {
	_Atomic(const struct dgram_setting *) values;
};

struct worker {
	struct subject *subject;
	unsigned number;
	unsigned requests;
};

static int open_subject(void *context, const struct dgram_start *start, void **ret_state)
{
	struct subject *subject = malloc(sizeof(*subject));

	(void)context;
	if (subject == NULL)
		return -ENOMEM;
	if (strcmp(start->values[REFUSES].text, "open") == 0) {
		dgram_log(start, DGRAM_LOG_ERROR, "subject", "no opening today");
		free(subject);
		return -ENOLINK;
	}
	atomic_init(&subject->values, start->values);
	*ret_state = subject;
	dgram_log(start, DGRAM_LOG_INFO, "subject", "opened");
	return 0;
}

static void close_subject(void *state)
{
	free(state);
}

static int start_worker(void *state, const struct dgram_start *start, void **ret_worker_state)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL)
		return -ENOMEM;
	if (strcmp(start->values[REFUSES].text, "worker") == 0) {
		dgram_log(start, DGRAM_LOG_ERROR, "subject", "no work today");
		free(worker);
		return -ENOLINK;
	}
	worker->subject = state;
	worker->number = start->worker;
	*ret_worker_state = worker;
	return 0;
}

static void stop_worker(void *worker_state)
{
	free(worker_state);
}

static int take_values(void *state, const struct dgram_start *start)
{
	struct subject *subject = state;

	if ((int)start->values[LIMIT].number == 13) {
		dgram_log(start, DGRAM_LOG_ERROR, "subject", "13 is no limit");
		return -EDOM;
	}
	atomic_store(&subject->values, start->values);
	return 0;
}

static bool is(const char *word, const char *text, const char **ret_rest)
{
	size_t length = strlen(word);

	if (strncmp(text, word, length) != 0 || (text[length] != ' ' && text[length] != '\0'))
		return false;
	*ret_rest = text + length + (text[length] == ' ');
	return true;
}

/* A request as text; `text` has room for it. */
static const char *text_of(const struct dgram_request *request, char *text, size_t size)
{
	(void)snprintf(text, size, "%.*s", (int)request->length, (const char *)request->data);
	return text;
}

static bool verify(void *state, const struct dgram_request *request)
{
	char text[64];
	const char *rest;

	(void)state;
	if (is("proof", text_of(request, text, sizeof(text)), &rest))
		dgram_request_prove(request);
	return !is("refuse", text, &rest);
}

static ssize_t say_address(const struct sockaddr *address, char *reply, size_t size)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)address;
	char host[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
	return snprintf(reply, size, "%s:%u", host, ntohs(in4->sin_port));
}

static ssize_t say_values(const struct dgram_setting *values, char *reply, size_t size)
{
	int at = snprintf(reply, size, "%s %.0f %s/%.0f %g %.0f", values[GREETING].text,
		values[LIMIT].number, values[MODE].text, values[MODE].number, values[SHARE].number,
		values[STRICT].number);

	for (size_t i = 0; i < values[TAGS].texts_count; i++)
		at += snprintf(reply + at, size - (size_t)at, " %s", values[TAGS].texts[i]);
	return at;
}

/* What a request is about: who sent it, and where it has come to. */
static ssize_t say_about(struct worker *worker, const struct dgram_request *request,
	const char *what, char *reply, size_t size)
{
	struct sockaddr_storage address;
	const char *rest;

	if (is("client", what, &rest))
		return say_address(request->client, reply, size);
	if (is("local", what, &rest))
		return say_address(request->local, reply, size);
	if (is("arrived", what, &rest))
		return snprintf(reply, size, "%lld", (long long)request->arrived.tv_sec);
	if (is("service", what, &rest))
		return snprintf(reply, size, "%s", dgram_request_service(request));
	if (is("state", what, &rest))
		return snprintf(reply, size, "%s",
			dgram_request_state(request) == worker->subject ? "mine" : "another");
	if (is("worker", what, &rest))
		return snprintf(reply, size, "%u %s %u", request->worker,
			request->worker == worker->number ? "as" : "not as", worker->requests);
	if (!is("server", what, &rest))
		return -EINVAL;
	if (dgram_request_server(request) == NULL)
		return snprintf(reply, size, "none here");
	if (dgram_server_address(dgram_request_server(request), 0, 0, &address) < 0)
		return -EIO;
	return say_address((const struct sockaddr *)&address, reply, size);
}

/* The longest, until that is refused, which the books have to say. */
static ssize_t send_many(
	const struct dgram_request *request, bool besides, const void *data, size_t length)
{
	int error = 0;

	for (unsigned i = 0; error == 0 && i < 100; i++)
		error = besides ? dgram_request_send(request, request->client,
					  request->client_length, data, length)
				: dgram_request_reply(request, data, length);
	return error == -EDQUOT ? DGRAM_NO_REPLY : -EIO;
}

/* Replies that are not what handle() returns. */
static ssize_t send_first(
	const struct dgram_request *request, const char *text, char *reply, size_t size)
{
	const char *rest;
	int error;

	if (is("now", text, &rest)) {
		error = dgram_request_reply(request, rest, strlen(rest));
		return error < 0 ? error : DGRAM_NO_REPLY;
	}
	if (is("twice", text, &rest)) {
		error = dgram_request_reply(request, rest, strlen(rest));
		return error < 0 ? error : snprintf(reply, size, "%s again", rest);
	}
	if (is("many", text, &rest) || is("besides", text, &rest))
		return send_many(request, *text == 'b', reply, size);
	if (!is("send", text, &rest))
		return -EINVAL;
	error = dgram_request_send(
		request, request->client, request->client_length, rest, strlen(rest));
	return error < 0 ? error : DGRAM_NO_REPLY;
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	struct worker *worker = state;
	char text[512];
	const char *what = text_of(request, text, sizeof(text)), *rest;

	worker->requests++;
	if (is("echo", what, &rest)) {
		memcpy(reply, (const char *)request->data + 5, request->length - 5);
		return (ssize_t)request->length - 5;
	}
	if (is("silent", what, &rest))
		return DGRAM_NO_REPLY;
	if (is("fail", what, &rest))
		return -atoi(rest);
	if (is("size", what, &rest))
		return snprintf(reply, reply_size, "%zu", reply_size);
	if (is("prove", what, &rest))
		dgram_request_prove(request);
	if (is("fill", what, &rest) || is("prove", what, &rest) || is("proof", what, &rest)) {
		memset(reply, 'x', reply_size);
		return (ssize_t)reply_size + atoi(rest);
	}
	if (is("options", what, &rest))
		return say_values(atomic_load(&worker->subject->values), reply, reply_size);
	if (is("about", what, &rest))
		return say_about(worker, request, rest, reply, reply_size);
	if (is("log", what, &rest)) {
		dgram_request_log(request, DGRAM_LOG_INFO, "subject", "%s", rest);
		return 0;
	}
	return send_first(request, what, reply, reply_size);
}

static void handle_error(void *state, const struct dgram_request *request, int error)
{
	(void)state;
	dgram_request_log(request, DGRAM_LOG_INFO, "subject", "failed by %d", error);
}

static ssize_t say_busy(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request;
	return snprintf(reply, reply_size, "busy");
}

static const struct dgram_handler subject = {
	.abi = DGRAM_ABI,
	.name = "subject",
	.handle = handle,
	.open = open_subject,
	.close = close_subject,
	.worker_start = start_worker,
	.worker_stop = stop_worker,
	.verify = verify,
	.handle_error = handle_error,
	.busy = say_busy,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
	.reconfigure = take_values,
};

#ifdef PLUGIN
DGRAM_PLUGIN(subject);
#else
int main(int argc, char **argv)
{
	static const struct dgram_handler *const handlers[] = { &subject, NULL };

	return dgram_main(argc, argv, handlers);
}
#endif
