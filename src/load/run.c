#include "load/run.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "load/loop.h"
#include "load/progress.h"

#define TICK_NS (5 * NS_PER_MS)
#define SAMPLES 50		   /* of a run of a known duration */
#define LINGER_NS (20 * NS_PER_MS) /* after the last answer, for duplicates */

static atomic_bool stopped;

/* What a run needs besides its loop. */
struct run {
	struct load_loop loop;
	struct load_progress progress;
	struct load_kernel server_before;
	int64_t end_ns;
	int64_t tick_ns, sample_ns; /* when the next is due */
	int64_t sample_every_ns;
	double cpu_s; /* when counting began */
	bool counting;
	bool until_tried; /* its end is that of a count of requests, even if they are late */
};

void load_run_stop(void)
{
	atomic_store(&stopped, true);
}

bool load_run_is_stopped(void)
{
	return atomic_load(&stopped);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void take_sample(struct run *run, int64_t now_ns)
{
	const struct load_loop *loop = &run->loop;
	struct load_result *result = loop->result;
	struct load_sample sample = { now_ns, loop->tally->sent, loop->tally->sent,
		loop->tally->answered };

	if (result->mode == LOAD_OPEN)
		sample.due = loop->next;
	if (run->counting && result->samples_count < LOAD_SAMPLES_MAX)
		result->samples[result->samples_count++] = sample;
	run->sample_ns = now_ns + run->sample_every_ns;
}

static void begin_counting(struct run *run, int64_t now_ns)
{
	struct load_result *result = run->loop.result;

	run->counting = true;
	result->send_errors = 0;
	result->refused = 0;
	result->bytes_received = 0;
	load_kernel_read(&run->loop.options->server, &run->server_before);
	run->cpu_s = cpu_seconds();
	take_sample(run, now_ns);
}

/* What is to be done now and then. */
static void tick(struct run *run, int64_t now_ns)
{
	if (now_ns < run->tick_ns)
		return;
	run->tick_ns = now_ns + TICK_NS;
	load_loop_expire(&run->loop, now_ns);
	if (!run->counting && now_ns >= run->loop.options->warmup_ns)
		begin_counting(run, now_ns);
	if (now_ns >= run->sample_ns)
		take_sample(run, now_ns);
	load_progress_show(&run->progress, run->loop.result, now_ns);
}

static bool open_is_over(const struct run *run, int64_t now_ns)
{
	if (load_run_is_stopped())
		return true;
	return now_ns >= run->end_ns && (!run->until_tried || run->loop.left == 0);
}

static bool closed_is_over(const struct run *run, int64_t now_ns)
{
	const struct load_loop *loop = &run->loop;

	if (load_run_is_stopped() || now_ns >= run->end_ns)
		return true;
	return loop->tally->sent + loop->result->send_errors >= loop->options->count;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void send_open(struct run *run)
{
	struct load_loop *loop = &run->loop;
	int64_t now_ns = 0;

	run->until_tried = load_open_plan(loop, &run->end_ns);
	for (; !open_is_over(run, now_ns); now_ns = load_loop_now_ns(loop)) {
		int64_t next_ns = earlier(load_open_send(loop, now_ns), run->end_ns);

		load_loop_wait(loop, earlier(next_ns, run->tick_ns));
		tick(run, load_loop_now_ns(loop));
	}
	(void)load_open_send(loop, now_ns);
}

static void send_closed(struct run *run)
{
	struct load_loop *loop = &run->loop;

	load_closed_send_all(loop);
	for (int64_t now_ns = 0; !closed_is_over(run, now_ns); now_ns = load_loop_now_ns(loop)) {
		load_loop_wait(loop, earlier(run->tick_ns, run->end_ns));
		load_closed_send_ready(loop);
		if (now_ns < run->tick_ns)
			continue;
		tick(run, now_ns);
		load_closed_send_all(loop);
	}
}

/* Sending is over; some requests are on their way yet. */
static void drain(struct run *run, int64_t now_ns)
{
	struct load_loop *loop = &run->loop;
	int64_t end_ns = now_ns + loop->options->timeout_ns;

	for (; now_ns <= end_ns && loop->tally->in_flight > 0; now_ns = load_loop_now_ns(loop)) {
		load_loop_wait(loop, earlier(now_ns + TICK_NS, end_ns + 1));
		load_loop_expire(loop, load_loop_now_ns(loop));
	}
	end_ns = now_ns + LINGER_NS;
	for (; now_ns < end_ns; now_ns = load_loop_now_ns(loop))
		load_loop_wait(loop, end_ns);
	load_loop_expire(loop, INT64_MAX);
}

static void conclude(struct run *run, int64_t now_ns)
{
	struct load_loop *loop = &run->loop;
	struct load_result *result = loop->result;
	struct load_kernel server;

	if (loop->options->mode == LOAD_OPEN && !run->until_tried && !load_run_is_stopped())
		now_ns = run->end_ns;
	if (!run->counting || now_ns <= loop->options->warmup_ns)
		return;
	result->seconds = (double)(now_ns - loop->options->warmup_ns) / (double)NS_PER_S;
	result->cpu_percent = 100 * (cpu_seconds() - run->cpu_s) / result->seconds;
	load_kernel_read(&loop->options->server, &server);
	result->server = (struct load_kernel){ server.local && run->server_before.local,
		server.drops - run->server_before.drops, server.queue_bytes };
}

static void perform(struct run *run)
{
	struct load_loop *loop = &run->loop;
	const struct load_options *options = loop->options;
	int64_t now_ns;

	loop->tally->counted_from_ns = options->warmup_ns;
	loop->tally->patience_ns = options->timeout_ns;
	run->end_ns = options->warmup_ns + options->duration_ns;
	run->sample_every_ns = options->duration_ns / SAMPLES;
	if (options->count < UINT64_MAX)
		run->sample_every_ns = NS_PER_S;
	if (options->warmup_ns == 0)
		begin_counting(run, 0);
	if (options->mode == LOAD_OPEN)
		send_open(run);
	else
		send_closed(run);
	now_ns = load_loop_now_ns(loop);
	take_sample(run, now_ns);
	conclude(run, now_ns);
	drain(run, now_ns);
	load_progress_end(&run->progress);
}

/* With closed loops what is due is what was sent. */
static void sum_up(struct run *run)
{
	struct load_result *result = run->loop.result;
	struct load_kernel server;

	if (result->mode == LOAD_CLOSED)
		result->due = result->tally.sent + result->send_errors;
	load_kernel_read(&run->loop.options->server, &server);
	if (run->counting)
		result->server.drops = server.drops - run->server_before.drops;
	for (uint32_t i = 0; i < run->loop.options->sockets; i++)
		result->client_drops += load_client_drops(run->loop.clients[i].fd);
}

int load_run(const struct load_options *options, const struct load_payload *payload,
	struct load_result *ret_result)
{
	struct run run = { .end_ns = 0 };
	int error;

	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->mode = options->mode;
	ret_result->size = payload->size;
	/* By default timers may be 50 us late. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	error = load_loop_open(&run.loop, options, payload, ret_result);
	if (error == 0) {
		load_progress_begin(&run.progress, options);
		perform(&run);
		sum_up(&run);
	}
	load_loop_close(&run.loop);
	return error;
}
