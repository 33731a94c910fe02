/* What the model does when the product pops, discards or configures. */
#include <inttypes.h>

#include "run.h"
#include "watch.h"

#define BATCH_NS 100000
#define BATCH_OUTSIDE_NS 1000000

/* Receivers do not help with a handler whose latest call took longer. */
#define SLOW_CALL_NS 200000

struct model *watch_model_of(const struct queue *queue)
{
	for (unsigned i = 0; i < the_run->scenario.services_count; i++)
		if (the_run->models[i].queue == queue)
			return &the_run->models[i];
	run_fail("a queue that nobody knows");
}

void watch_begin(void)
{
	world_call(&the_run->world);
	the_run->world.watching = true;
}

void watch_end(void)
{
	the_run->world.watching = false;
	world_call(&the_run->world);
}

uint32_t watch_number_of(const struct datagram *datagram)
{
	return network_letter_in(&the_run->network, datagram);
}

struct letter *watch_letter_of(const struct datagram *datagram)
{
	return &the_run->network.letters[watch_number_of(datagram)];
}

void watch_drop(struct model *model, uint32_t number, enum ledger_drop reason)
{
	model_remove(model, number, false);
	model->books.dropped[reason]++;
	world_trace(&the_run->world, "drop", number, reason, model->count);
}

bool watch_is_worker_needed(const struct model *model)
{
	return (atomic_load(&the_run->shared.demand.needed) >> model->service & 1) != 0;
}

void watch_roll_window(struct model *model, int64_t now_ns)
{
	if (now_ns - model->window_ns < model->settings.fair_window_ns)
		return;
	model->window_ns = now_ns;
	model->window++;
}

/* --- pop */

/* All that are expired go, oldest first, up to a batch. */
static void expire(struct model *model, int64_t now_ns, const struct datagram_list *expired)
{
	const struct datagram *next = expired->first;
	unsigned count = 0;

	while (count < QUEUE_BATCH_MAX && model->oldest != NOBODY) {
		uint32_t number = model->oldest;

		if (the_run->network.letters[number].expires_ns > now_ns)
			break;
		watch_drop(model, number, DROP_EXPIRED);
		must(next != NULL && watch_number_of(next) == number,
			"letter %u did not expire in its turn", number);
		next = next->next;
		count++;
	}
	must(next == NULL, "one expired that had time");
}

/* The flow of one that goes by its flow's turn is charged the mean. */
static void take(
	struct model *model, const struct datagram *job, int64_t service_ewma_ns, int64_t now_ns)
{
	uint32_t number = watch_number_of(job);
	struct letter *letter = watch_letter_of(job);
	bool fair = model->limits.rules.discipline == BACKLOG_FAIR;
	bool sorted = job->flow != NULL;
	int64_t expected_ns = !fair ? 0 : service_ewma_ns > 0 ? service_ewma_ns : 1;

	model_must_be_next(model, number, sorted, now_ns);
	must(!sorted || job->charged_ns == expected_ns,
		"letter %u: its flow was charged %" PRId64 ", not %" PRId64, number,
		job->charged_ns, expected_ns);
	model_remove(model, number, true);
	letter->charged_ns = sorted ? job->charged_ns : 0;
	model_charge(model, &model->flows[letter->flow], letter->charged_ns);
	model_network_charge(model, &model->flows[letter->flow], letter->charged_ns);
	world_trace(&the_run->world, fair && !sorted ? "take with all" : "take", number,
		letter->charged_ns, model->count);
}

/* An answer that is ready waits for the rest of its batch, so that must be a short one as far as is
 * known: all may take as long as the mean, and as the latest where handlers may block. Children's answers wait for
 * none. */
static void must_be_short(const struct model *model, unsigned count, int64_t service_ewma_ns)
{
	int64_t all_ns = model->limits.outside ? BATCH_OUTSIDE_NS : BATCH_NS;
	int64_t each_ns = service_ewma_ns;

	if (!model->limits.outside && !model->limits.assisted && model->latest_service_ns > each_ns)
		each_ns = model->latest_service_ns;
	must(service_ewma_ns <= model->slowest_ns, "a mean of %" PRId64 ", above all",
		service_ewma_ns);
	must(count <= QUEUE_BATCH_MAX && (count <= 1 || (each_ns > 0 && count * each_ns <= all_ns)),
		"a batch of %u is too long", count);
}

/* One by one, each by its flow's turn, or unsorted; where there are flows that is all at once. */
static void take_batch(struct model *model, const struct datagram_list *jobs, int64_t now_ns)
{
	bool sorted = jobs->first != NULL && jobs->first->flow != NULL;
	struct queue_report report;

	queue_snapshot(model->queue, &report);
	must_be_short(model, jobs->count, report.service_ewma_ns);
	watch_flows(model, jobs);
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		must((job->flow != NULL) == sorted, "letter %u: taken otherwise than the others",
			watch_number_of(job));
		take(model, job, report.service_ewma_ns, now_ns);
	}
	must(jobs->count == 0 || sorted || model->limits.rules.discipline == BACKLOG_FIFO ||
			model->count == 0,
		"some were taken with all, and %u are left", model->count);
}

static unsigned count_of(const struct queue_batch *batch)
{
	unsigned count = batch->jobs.count + batch->expired.count;

	must(count <= QUEUE_BATCH_MAX, "%u datagrams at once", count);
	return count;
}

/* What it gave, and answered. */
static void must_be_batch(
	struct model *model, int64_t now_ns, const struct queue_batch *batch, bool found)
{
	bool allowed = model->active_workers < model->settings.max_workers;

	watch_roll_window(model, now_ns);
	the_run->world.running->held_ns = the_run->world.now_ns - now_ns;
	expire(model, now_ns, &batch->expired);
	must(batch->jobs.count == 0 || allowed, "more workers than allowed");
	take_batch(model, &batch->jobs, now_ns);
	must(found == (count_of(batch) > 0), "pop answers %d", found);
	model->active_workers += batch->jobs.count > 0;
	watch_note_work(model);
	if (batch->jobs.count > 0)
		model->waited_ns = 0;
}

bool __wrap_queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch)
{
	struct model *model = watch_model_of(queue);
	bool found;

	if (!the_run->checked)
		return __real_queue_pop(queue, now_ns, ret_batch);
	watch_hold(model);
	watch_begin();
	found = __real_queue_pop(queue, now_ns, ret_batch);
	must_be_batch(model, now_ns, ret_batch, found);
	must(found || model->ready == 0 || model->active_workers >= model->settings.max_workers,
		"a worker got nothing while %u flows were ready", model->ready);
	watch_end();
	return found;
}

bool __wrap_queue_assist(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch)
{
	struct model *model = watch_model_of(queue);
	bool found;

	if (!the_run->checked)
		return __real_queue_assist(queue, now_ns, ret_batch);
	watch_begin();
	found = __real_queue_assist(queue, now_ns, ret_batch);
	watch_roll_window(model, now_ns);
	if (found || count_of(ret_batch) > 0)
		must_be_batch(model, now_ns, ret_batch, found);
	must(!found || (model->limits.assisted && model->settings.receivers_assist &&
			       model->latest_service_ns <= SLOW_CALL_NS),
		"a receiver assists though it is not to, or the handler was slow recently");
	watch_end();
	return found;
}

/* --- the rest */

void __wrap_queue_discard(struct queue *queue, struct datagram_list *ret_dropped)
{
	struct model *model = watch_model_of(queue);
	unsigned count;

	if (!the_run->checked) {
		__real_queue_discard(queue, ret_dropped);
		return;
	}
	watch_begin();
	count = model->count + ret_dropped->count;
	__real_queue_discard(queue, ret_dropped);
	while (model->oldest != NOBODY)
		watch_drop(model, model->oldest, DROP_SHUTDOWN);
	must(ret_dropped->count == count, "a discard of %u gave %u", count, ret_dropped->count);
	watch_end();
}

void __wrap_queue_end_assist(struct queue *queue)
{
	watch_begin();
	watch_model_of(queue)->limits.assisted = false;
	__real_queue_end_assist(queue);
	watch_end();
}

void __wrap_queue_configure(struct queue *queue, const struct queue_settings *settings)
{
	struct model *model = watch_model_of(queue);

	watch_begin();
	model->settings = *settings;
	if (settings->overload_interval_ns < model->least_interval_ns)
		model->least_interval_ns = settings->overload_interval_ns;
	__real_queue_configure(queue, settings);
	watch_end();
}

/* Here a thread may be held up as at a lock. */
void __wrap_worker_wake(struct worker_shared *shared, int64_t now_ns)
{
	world_call(&the_run->world);
	__real_worker_wake(shared, now_ns);
}

void __wrap_lock_take(struct lock *lock)
{
	must(the_run->world.locks == 0, "a lock under a lock");
	if (!the_run->world.watching)
		world_call(&the_run->world);
	the_run->world.locks++;
	__real_lock_take(lock);
}

void __wrap_lock_release(struct lock *lock)
{
	the_run->world.locks--;
	__real_lock_release(lock);
	if (!the_run->world.watching)
		world_call(&the_run->world);
}
