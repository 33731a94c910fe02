#include "process/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/filter.h"
#include "process/settings.h"
#include "process/shared.h"

/* Results do not wait for longer than this, if what comes after them takes its time. */
#define RING_NS (100 * NS_PER_US)

struct serve {
	struct handler_host host; /* first: a pointer to it is one to the whole */
	struct shared shared;
	int stream;
	bool over, verifies;
	int64_t rung_ns;
	struct handler handler;
	void *state;
};

/* Until the daemon rings, however often; at the end of its stream it is over. */
static void wait_for_ring(struct serve *serve)
{
	char rings[256];
	ssize_t got = read(serve->stream, rings, sizeof(rings));

	serve->over |= got == 0 || (got < 0 && errno != EINTR);
}

static void ring(struct serve *serve)
{
	shared_tell(&serve->shared);
	serve->rung_ns = sys_monotonic_ns();
}

/* --- what the handler asks of its host */

static int refuse_call(const struct serve *serve, const struct handler_call *call)
{
	const struct shared *shared = &serve->shared;
	bool replies = call->kind == HANDLER_CALL_REPLY;

	if (replies && serve->verifies)
		return -EOPNOTSUPP;
	if (call->length > (replies ? shared->reply_bytes : shared_call_bytes(shared)))
		return -EMSGSIZE;
	return call->to_length > sizeof(union addr) ? -EINVAL : 0;
}

static void write_call(struct serve *serve, const struct handler_call *call)
{
	struct shared_call *written = &serve->shared.page->call;

	atomic_store(&written->kind, call->kind);
	atomic_store(&written->level, call->level);
	atomic_store(&written->length, (uint32_t)call->length);
	atomic_store(&written->to_length, call->to_length);
	if (call->to_length > 0)
		memcpy(&written->to, call->to, call->to_length);
	(void)snprintf(written->event, sizeof(written->event), "%s",
		call->event != NULL ? call->event : "");
	if (call->length > 0)
		memcpy(shared_call_data(&serve->shared), call->data, call->length);
}

static int call_daemon(struct handler_host *host, const struct handler_call *call)
{
	struct serve *serve = (struct serve *)host;
	struct shared_page *page = serve->shared.page;
	int error = refuse_call(serve, call);

	if (error < 0)
		return error;
	write_call(serve, call);
	atomic_store_explicit(&page->calling, 1, memory_order_release);
	ring(serve);
	while (shared_is_called(&serve->shared) && !serve->over)
		wait_for_ring(serve);
	return serve->over ? -EPIPE : page->call.result;
}

/* --- requests */

static ssize_t run_request(struct serve *serve, unsigned index)
{
	const struct shared_slot *slot = &serve->shared.page->slots[index];
	struct handler_request request = {
		.request = {
			.data = shared_request(&serve->shared, index),
			.length = slot->length,
			.client = &slot->client.sa,
			.client_length = slot->addr_bytes,
			.local = &slot->local.sa,
			.local_length = slot->addr_bytes,
			.arrived = slot->arrived,
		},
		.handler = &serve->handler,
	};
	bool takes;

	serve->verifies = true;
	takes = handler_verify(&serve->handler, &request);
	serve->verifies = false;
	if (!takes)
		return SHARED_REFUSED;
	return handler_run(&serve->handler, serve->state, &request,
		shared_reply(&serve->shared, index), serve->shared.reply_bytes);
}

/* Each is marked before `asked` is looked at once more, so who takes what is left away by setting that to 0 sees the
 * mark of each that may still run. */
static void run_round(struct serve *serve)
{
	struct shared_page *page = serve->shared.page;
	uint32_t asked = page->asked;

	serve->rung_ns = sys_monotonic_ns();
	for (unsigned i = 0; i < asked && !serve->over; i++) {
		if (i > 0 && sys_monotonic_ns() - serve->rung_ns > RING_NS)
			ring(serve);
		atomic_store(&page->begun, i + 1);
		if (atomic_load(&page->asked) <= i)
			break;
		atomic_store_explicit(
			&page->results[i], (int32_t)run_request(serve, i), memory_order_relaxed);
		atomic_store_explicit(&page->done, i + 1, memory_order_release);
	}
	ring(serve);
}

static void run_rounds(struct serve *serve)
{
	uint32_t round = 0;

	while (!serve->over) {
		uint32_t now =
			atomic_load_explicit(&serve->shared.page->rounds, memory_order_acquire);

		if (now == round)
			wait_for_ring(serve);
		else
			run_round(serve);
		round = now;
	}
}

/* --- from begin to end */

/* Its end is that of the stream. */
static void ignore(int number)
{
	(void)number;
}

/* What the handler prints is its log, and it reads nothing. */
static int take_stream(struct serve *serve)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	serve->stream = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (null < 0 || serve->stream < 0 || dup2(null, STDIN_FILENO) < 0 ||
		dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	close(null);
	return 0;
}

static int take_descriptors(struct serve *serve)
{
	const struct sigaction action = { .sa_handler = ignore };
	int error = shared_attach(&serve->shared);

	if (error == 0)
		error = take_stream(serve);
	if (error < 0)
		return error;
	(void)sigaction(SIGTERM, &action, NULL);
	return 0;
}

/* Returns why it cannot serve, or NULL. */
static const char *open_handler(struct serve *serve, char *const *words)
{
	const struct dgram_handler *calls = serve->handler.calls;
	struct dgram_setting *read =
		settings_read(words, calls->parameters, calls->parameters_count);
	size_t bytes = calls->parameters_count * sizeof(*read);

	if (read == NULL)
		return errno == EINVAL ? "its options are no longer those that dgramd knows: start "
					 "dgramd again"
				       : strerrordesc_np(errno);
	serve->handler.values = calloc(1, sizeof(*serve->handler.values) + bytes);
	if (serve->handler.values == NULL)
		return strerrordesc_np(ENOMEM);
	if (bytes > 0)
		memcpy(serve->handler.values->of, read, bytes);
	errno = -handler_open(&serve->handler, NULL);
	if (errno == 0)
		errno = -handler_worker_start(&serve->handler, 0, NULL, &serve->state);
	return errno != 0 ? strerrordesc_np(errno) : NULL;
}

int serve_run(const struct dgram_handler *calls, const char *service, const char *sandbox,
	char *const *words)
{
	static const char hello[] = "dgram 1 binary\n";
	static struct serve serve;
	const char *fault;

	serve.host.call = call_daemon;
	serve.handler = (struct handler){ .calls = calls, .service = service, .host = &serve.host };
	errno = -take_descriptors(&serve);
	fault = errno != 0 ? strerrordesc_np(errno) : open_handler(&serve, words);
	if (fault != NULL) {
		(void)fprintf(stderr, "cannot start the handler %s: %s\n", calls->name, fault);
		return EX_OSERR;
	}
	errno = -filter_load(sandbox);
	if (errno != 0) {
		(void)fprintf(stderr, "cannot enter child.sandbox: %s\n", strerrordesc_np(errno));
		return EX_OSERR;
	}
	if (write(serve.stream, hello, sizeof(hello) - 1) < 0)
		return EX_OSERR;
	run_rounds(&serve);
	handler_worker_stop(&serve.handler, serve.state);
	handler_close(&serve.handler);
	return EX_OK;
}
