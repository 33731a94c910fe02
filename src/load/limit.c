#include "load/limit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"

#define SENT_LEAST 0.99	     /* of the requests due: with fewer, the load was not that asked for */
#define CPU_BUSY_PERCENT 95  /* a thread that never waits uses 100, less what others take */
#define WAIT_SMALL_PERCENT 5 /* half of it delays more than one answer of 100 */
#define QUEUE_SMALL 65536    /* bytes: 85 short datagrams, each of which takes about 768 */
#define LAG_SMALL_NS (100 * NS_PER_US) /* twice the median lag in the README's example */

const char *const load_limit_names[] = {
	[LOAD_LIMIT_NONE] = "none",
	[LOAD_LIMIT_CLIENT] = "client",
	[LOAD_LIMIT_KERNEL] = "kernel buffer",
	[LOAD_LIMIT_QUEUE] = "queue",
	[LOAD_LIMIT_WORKERS] = "workers",
	[LOAD_LIMIT_SERVER] = "server",
};

const char *const load_limit_sentences[] = {
	[LOAD_LIMIT_NONE] = "nothing, up to this rate",
	[LOAD_LIMIT_CLIENT] = "the client: dgramload could not send or receive more",
	[LOAD_LIMIT_KERNEL] = "the kernel buffer: the server did not receive fast enough",
	[LOAD_LIMIT_QUEUE] = "the queue: the server received all and did not answer all",
	[LOAD_LIMIT_WORKERS] = "the workers: all was answered, but too late",
	[LOAD_LIMIT_SERVER] =
		"the server: its socket is not seen here, so it may be the kernel buffer or the queue",
};

double load_limit_loss_percent(const struct load_result *result)
{
	const struct load_counters *counters = &result->counters;

	if (counters->sent == 0)
		return 0;
	return 100.0 * (double)(counters->lost + counters->late) / (double)counters->sent;
}

static bool sent_too_few(const struct load_result *result)
{
	return (double)result->counters.sent < SENT_LEAST * (double)result->due;
}

/* A closed loop that uses its whole processor. An open loop that does shows it by its lag. */
static bool is_busy(const struct load_result *result)
{
	return result->mode == LOAD_CLOSED && result->cpu_percent > CPU_BUSY_PERCENT;
}

static int64_t lag_p99_ns(struct load_result *result)
{
	return load_durations_quantile_ns(&result->counters.lag, 0.99);
}

/* Whether our own lag is more than half of the latency. */
static bool lag_explains(struct load_result *result)
{
	return lag_p99_ns(result) > LAG_SMALL_NS && load_window_knows_latency(&result->counters) &&
	       2 * lag_p99_ns(result) > load_durations_quantile_ns(&result->counters.latency, 0.99);
}

/* Where most of the losses happened. */
static enum load_limit limit_of_losses(const struct load_result *result)
{
	uint64_t unanswered = result->counters.lost + result->counters.late;

	if (2 * result->client_drops > unanswered)
		return LOAD_LIMIT_CLIENT;
	if (!result->server.local)
		return LOAD_LIMIT_SERVER;
	return 2 * result->server.drops > unanswered ? LOAD_LIMIT_KERNEL : LOAD_LIMIT_QUEUE;
}

static bool is_slow(const struct load_options *options, struct load_durations *latency)
{
	return load_durations_quantile_ns(latency, 0.99) > options->max_p99_ns;
}

/* By the loss, and by these latencies. */
static enum load_limit judge(const struct load_options *options, struct load_result *result,
	struct load_durations *latency)
{
	if (sent_too_few(result) || is_busy(result))
		return LOAD_LIMIT_CLIENT;
	if (load_limit_loss_percent(result) > options->max_loss_percent)
		return lag_p99_ns(result) > options->max_p99_ns ? LOAD_LIMIT_CLIENT
								: limit_of_losses(result);
	if (!load_window_knows_latency(&result->counters) || !is_slow(options, latency))
		return LOAD_LIMIT_NONE;
	return result->server.local ? LOAD_LIMIT_WORKERS : LOAD_LIMIT_SERVER;
}

enum load_limit load_limit_find(const struct load_options *options, struct load_result *result)
{
	enum load_limit limit = judge(options, result, &result->counters.latency);

	if (limit == LOAD_LIMIT_NONE || load_limit_find_server(options, result) != LOAD_LIMIT_NONE)
		return limit;
	return LOAD_LIMIT_CLIENT;
}

enum load_limit load_limit_find_server(
	const struct load_options *options, struct load_result *result)
{
	return judge(options, result, &result->counters.since_sent);
}

/* --- remarks */

__attribute__((format(printf, 2, 3))) static void remark(
	struct load_remarks *remarks, const char *format, ...)
{
	va_list arguments;

	assert(remarks->count < LOAD_REMARKS_MAX);
	va_start(arguments, format);
	(void)vsnprintf(
		remarks->texts[remarks->count++], sizeof(remarks->texts[0]), format, arguments);
	va_end(arguments);
}

static void remark_lag(struct load_remarks *remarks, struct load_result *result)
{
	if (sent_too_few(result))
		remark(remarks,
			"the generator itself was late: it sent %" PRIu64 " of %" PRIu64
			" requests in the time",
			result->counters.sent, result->due);
	if (lag_explains(result))
		remark(remarks,
			"the generator itself was late: by %.0f us or more with one of 100 requests, "
			"which the latencies include",
			(double)lag_p99_ns(result) / (double)NS_PER_US);
	if (result->wait_percent > WAIT_SMALL_PERCENT)
		remark(remarks,
			"the generator waited for a processor for %.0f %% of the time, because others "
			"used them: the next run may differ",
			result->wait_percent);
	if (is_busy(result))
		remark(remarks,
			"the generator used a whole processor: the server may be able to do more");
}

static void remark_losses(struct load_remarks *remarks, const struct load_result *result)
{
	if (result->refused > 0)
		remark(remarks, "nothing listens there: refused %" PRIu64 " times",
			result->refused);
	if (result->send_errors > 0)
		remark(remarks, "%" PRIu64 " requests could not be sent: %s", result->send_errors,
			strerrordesc_np(result->send_error));
	if (result->client_drops > 0)
		remark(remarks, "%" PRIu64 " answers were lost in the client's own buffers",
			result->client_drops);
	if (result->server.local && result->server.drops > 0)
		remark(remarks, "%" PRIu64 " requests found the buffer of the server's socket full",
			result->server.drops);
	if (result->server.local && result->server.queue_bytes > QUEUE_SMALL)
		remark(remarks,
			"%" PRIu64
			" bytes waited in the buffer of the server's socket when sending ended",
			result->server.queue_bytes);
}

/* What the answers do not tell. */
static void remark_answers(struct load_remarks *remarks, const struct load_result *result)
{
	const struct load_counters *counters = &result->counters;

	if (counters->in_order && counters->astray)
		remark(remarks,
			"latencies are unknown, and not judged: answers carry no number, and "
			"their order does not tell after a loss; see --id-at");
	if (counters->too_short > 0)
		remark(remarks, "%" PRIu64 " datagrams came back that are too short for an answer",
			counters->too_short);
	if (result->windows_full > 0)
		remark(remarks,
			"a socket had too many requests in flight to send more, %" PRIu64
			" times: use more --sockets",
			result->windows_full);
}

void load_limit_remark(struct load_result *result, struct load_remarks *ret_remarks)
{
	ret_remarks->count = 0;
	remark_answers(ret_remarks, result);
	remark_lag(ret_remarks, result);
	remark_losses(ret_remarks, result);
}
