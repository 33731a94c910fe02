#include "load/run.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "load/loop.h"
#include "load/progress.h"

#define TICK_NS (5 * NS_PER_MS)	   /* a loss is noticed up to 5 ms late */
#define SAMPLES 50		   /* of a run whose duration is known */
#define LINGER_NS (20 * NS_PER_MS) /* wait after the last answer, because a duplicate follows it */

static atomic_bool stopped;

struct run {
	struct load_loop loop;
	struct load_progress progress;
	struct load_server server_before;
	int64_t tick_ns, sample_ns; /* when the next tick and the next sample are due */
	int64_t sample_every_ns;
	double cpu_s, wait_s; /* when counting began */
	bool counting;
};

void load_run_stop(void)
{
	atomic_store(&stopped, true);
}

bool load_run_is_stopped(void)
{
	return atomic_load(&stopped);
}

double load_run_rate(const struct load_result *result, uint64_t count)
{
	return result->seconds > 0 ? (double)count / result->seconds : 0;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* How long this thread had something to do and no processor. 0: the kernel does not count it. */
static double wait_seconds(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	uint64_t wait_ns = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %" SCNu64, &wait_ns) != 1)
		wait_ns = 0;
	(void)fclose(file);
	return (double)wait_ns / (double)NS_PER_S;
}

static void take_sample(struct run *run, int64_t now_ns)
{
	const struct load_loop *loop = &run->loop;
	struct load_result *result = loop->result;

	if (run->counting && result->samples_count < LOAD_SAMPLES_MAX)
		result->samples[result->samples_count++] = (struct load_sample){
			.ns = now_ns,
			.due = result->mode == LOAD_OPEN ? loop->next : result->counters.sent,
			.answered = result->counters.answered,
		};
	run->sample_ns = now_ns + run->sample_every_ns;
}

static void begin_counting(struct run *run, int64_t now_ns)
{
	struct load_result *result = run->loop.result;

	run->counting = true;
	result->send_errors = 0;
	result->refused = 0;
	result->windows_full = 0;
	result->bytes_received = 0;
	load_server_read(&run->loop.options->server, &run->server_before);
	run->cpu_s = cpu_seconds();
	run->wait_s = wait_seconds();
	take_sample(run, now_ns);
}

static void tick(struct run *run, int64_t now_ns)
{
	struct load_loop *loop = &run->loop;

	if (now_ns < run->tick_ns)
		return;
	run->tick_ns = now_ns + TICK_NS;
	load_loop_expire(loop, now_ns);
	if (!run->counting && now_ns >= loop->options->warmup_ns)
		begin_counting(run, now_ns);
	if (now_ns >= run->sample_ns)
		take_sample(run, now_ns);
	load_progress_show(&run->progress, &loop->result->counters, now_ns);
}

static int64_t earlier_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Returns when sending ended. */
static int64_t send_all(struct run *run)
{
	struct load_loop *loop = &run->loop;
	int64_t now_ns = 0;

	for (; !load_run_is_stopped() && !load_loop_is_over(loop, now_ns);
		now_ns = load_loop_now_ns(loop)) {
		int64_t next_ns = earlier_ns(load_loop_send(loop, now_ns), loop->end_ns);

		load_loop_wait(loop, earlier_ns(next_ns, run->tick_ns));
		tick(run, load_loop_now_ns(loop));
	}
	if (loop->options->mode == LOAD_OPEN)
		(void)load_loop_send(loop, now_ns); /* what became due during the last wait */
	return load_loop_now_ns(loop);
}

/* Sending is over: wait for the answers to the requests in flight. */
static void drain_answers(struct run *run, int64_t now_ns)
{
	struct load_loop *loop = &run->loop;
	const struct load_counters *counters = &loop->result->counters;
	int64_t end_ns = now_ns + counters->timeout_ns;

	for (; now_ns <= end_ns && counters->in_flight > 0; now_ns = load_loop_now_ns(loop)) {
		load_loop_wait(loop, earlier_ns(now_ns + TICK_NS, end_ns + 1));
		load_loop_expire(loop, load_loop_now_ns(loop));
	}
	end_ns = now_ns + LINGER_NS;
	for (; now_ns < end_ns; now_ns = load_loop_now_ns(loop))
		load_loop_wait(loop, end_ns);
	load_loop_expire(loop, INT64_MAX);
}

/* What is known when sending ends. */
static void conclude_sending(struct run *run, int64_t now_ns)
{
	const struct load_loop *loop = &run->loop;
	struct load_result *result = loop->result;

	if (result->mode == LOAD_OPEN && !loop->until_tried && !load_run_is_stopped())
		now_ns = loop->end_ns;
	if (!run->counting || now_ns <= loop->options->warmup_ns)
		return;
	result->seconds = (double)(now_ns - loop->options->warmup_ns) / (double)NS_PER_S;
	result->cpu_percent = 100 * (cpu_seconds() - run->cpu_s) / result->seconds;
	result->wait_percent = 100 * (wait_seconds() - run->wait_s) / result->seconds;
	load_server_read(&loop->options->server, &result->server);
	result->server.local &= run->server_before.local;
	result->server.drops = 0;
}

/* What is known when the last answer has come. */
static void conclude(struct run *run)
{
	const struct load_loop *loop = &run->loop;
	struct load_result *result = loop->result;
	struct load_server server;

	if (result->mode == LOAD_CLOSED)
		result->due = result->counters.sent + result->send_errors;
	load_server_read(&loop->options->server, &server);
	if (run->counting && server.drops > run->server_before.drops)
		result->server.drops = server.drops - run->server_before.drops;
	for (uint32_t i = 0; i < loop->options->sockets; i++)
		result->client_drops += load_client_drops(loop->clients[i].fd);
}

static void perform(struct run *run)
{
	const struct load_options *options = run->loop.options;
	int64_t now_ns;

	load_progress_init(&run->progress, options);
	run->sample_every_ns = options->count < UINT64_MAX ? NS_PER_S
							   : options->duration_ns / SAMPLES;
	if (options->warmup_ns == 0)
		begin_counting(run, 0);
	now_ns = send_all(run);
	take_sample(run, now_ns);
	conclude_sending(run, now_ns);
	drain_answers(run, now_ns);
	load_progress_end(&run->progress);
	conclude(run);
}

int load_run(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result)
{
	struct run run = { .counting = false };
	int error;

	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->mode = options->mode;
	ret_result->size = payload->size;
	ret_result->counters.counted_from_ns = options->warmup_ns;
	ret_result->counters.timeout_ns = options->timeout_ns;
	/* By default timers may be 50 us late. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	error = load_loop_open(&run.loop, options, payload, ret_result);
	if (error == 0)
		perform(&run);
	load_loop_close(&run.loop);
	return error;
}
