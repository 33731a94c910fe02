#include "queue/backlog.h"

#include <assert.h>

/* While overloaded, each so many are taken one is the newest of all. */
#define NEWEST_EVERY 3

/* So many flows that turn out to be stale are put aside for one that is taken: the lock is held. */
#define STALE_MAX 16

/* That are remembered. */
static size_t idle_of(unsigned capacity)
{
	return 2 * (size_t)capacity;
}

/* All that wait may be of different flows, and as many are left for idle ones; so may all that run. */
static size_t flows_of(unsigned capacity, unsigned running)
{
	return idle_of(capacity) + running;
}

size_t backlog_bytes(unsigned capacity, unsigned running)
{
	return flow_table_bytes(flows_of(capacity, running));
}

int backlog_init(struct backlog *backlog, const struct backlog_rules *rules, unsigned capacity,
	unsigned running)
{
	backlog->rules = *rules;
	link_init(&backlog->by_age);
	flow_lengths_init(&backlog->lengths);
	return flow_table_new(flows_of(capacity, running), idle_of(capacity), &backlog->flows);
}

void backlog_destroy(struct backlog *backlog)
{
	assert(backlog->count == 0);
	flow_table_free(backlog->flows);
}

/* --- flows */

/* May one of its datagrams be taken now? */
static bool is_ready(const struct backlog *backlog, const struct flow *flow)
{
	return flow->waiting > 0 && !(backlog->rules.per_client && flow->running > 0);
}

/* A sum, for it takes two loads: one of both, just after either was stored, would have to wait. */
static bool is_idle(const struct flow *flow)
{
	return flow->waiting + flow->running == 0;
}

static enum flow_place place_of(const struct backlog *backlog, const struct flow *flow)
{
	if (is_ready(backlog, flow))
		return flow->stale ? FLOW_STALE : FLOW_READY;
	return is_idle(flow) ? FLOW_IDLE : FLOW_NOWHERE;
}

/* Where it belongs, charged `ns` more, behind its equals. */
static void rehang(struct backlog *backlog, struct flow *flow, int64_t ns)
{
	flow_move(backlog->flows, flow, place_of(backlog, flow), ns);
}

static struct datagram *by_age(struct link *link)
{
	return LINK_OWNER(link, struct datagram, by_age);
}

static struct datagram *in_flow(struct link *link)
{
	return LINK_OWNER(link, struct datagram, in_flow);
}

/* Do flows matter for which is next? Else the oldest is, always. */
static bool uses_flows(const struct backlog *backlog)
{
	return backlog->rules.discipline == BACKLOG_FAIR || backlog->rules.per_client;
}

void backlog_prepare(const struct backlog *backlog, const struct datagram_list *batch)
{
	if (uses_flows(backlog))
		flow_prepare(backlog->flows, batch, backlog->rules.per_client);
}

void backlog_expect(const struct backlog *backlog, const struct datagram_list *batch)
{
	if (uses_flows(backlog))
		flow_expect(backlog->flows, batch);
}

void backlog_add(struct backlog *backlog, struct datagram_list *batch)
{
	backlog->count += batch->count;
	datagram_list_append(&backlog->unsorted, batch);
}

static void sort_one(
	struct backlog *backlog, struct datagram *datagram, const struct backlog_moment *moment)
{
	struct flow *flow = flow_find(backlog->flows, datagram);
	bool heard = flow->waiting == 0 || flow->stale || moment->overloaded;

	datagram->flow = flow;
	link_append(&backlog->by_age, &datagram->by_age);
	link_append(&flow->jobs, &datagram->in_flow);
	flow_lengths_change(&backlog->lengths, flow, flow->waiting + 1);
	flow->stale = false;
	/* While overloaded, who was heard from last is last among its equals. */
	if (heard)
		rehang(backlog, flow, 0);
}

void backlog_sort(struct backlog *backlog, const struct backlog_moment *moment)
{
	if (!uses_flows(backlog))
		return;
	flow_expect(backlog->flows, &backlog->unsorted);
	while (backlog->unsorted.count > 0)
		sort_one(backlog, datagram_list_pop(&backlog->unsorted), moment);
}

struct datagram *backlog_oldest(const struct backlog *backlog)
{
	return link_is_empty(&backlog->by_age) ? backlog->unsorted.first
					       : by_age(backlog->by_age.next);
}

/* One that is not sorted goes as the oldest. */
static void unlink_datagram(struct backlog *backlog, struct datagram *datagram)
{
	backlog->count--;
	if (datagram->flow == NULL) {
		assert(datagram == backlog->unsorted.first);
		(void)datagram_list_pop(&backlog->unsorted);
		return;
	}
	link_remove(&datagram->by_age);
	link_remove(&datagram->in_flow);
	flow_lengths_change(&backlog->lengths, datagram->flow, datagram->flow->waiting - 1);
}

void backlog_drop(struct backlog *backlog, struct datagram *datagram)
{
	struct flow *flow = datagram->flow;

	unlink_datagram(backlog, datagram);
	if (flow != NULL && flow->waiting == 0)
		rehang(backlog, flow, 0);
	datagram->flow = NULL;
}

struct datagram *backlog_victim(struct backlog *backlog, const struct backlog_moment *moment)
{
	struct flow *longest;

	if (backlog->rules.discipline == BACKLOG_FIFO)
		return backlog_oldest(backlog);
	backlog_sort(backlog, moment);
	longest = flow_lengths_longest(&backlog->lengths);
	return longest != NULL ? in_flow(longest->jobs.next) : backlog_oldest(backlog);
}

/* The newest of the flow that was served least, unless it is stale: then its flow makes way for
 * those with fresher ones, until it is heard from again. */
static struct datagram *choose_fresh(struct backlog *backlog, const struct backlog_moment *moment)
{
	for (unsigned aside = 0;; aside++) {
		struct flow *flow = flow_least_served(backlog->flows, true);
		struct datagram *newest;

		if (flow == NULL)
			return NULL;
		newest = in_flow(flow->jobs.previous);
		if (newest->arrived_ns >= moment->stale_ns || flow->stale || aside == STALE_MAX)
			return newest;
		flow->stale = true;
		rehang(backlog, flow, 0);
	}
}

static struct datagram *choose_while_overloaded(
	struct backlog *backlog, const struct backlog_moment *moment)
{
	struct datagram *newest = by_age(backlog->by_age.previous), *chosen;

	if (backlog->taken % NEWEST_EVERY == NEWEST_EVERY - 1 && is_ready(backlog, newest->flow))
		chosen = newest;
	else
		chosen = choose_fresh(backlog, moment);
	if (chosen != NULL && backlog->rules.per_client)
		return in_flow(chosen->flow->jobs.next);
	return chosen;
}

static struct datagram *choose(struct backlog *backlog, const struct backlog_moment *moment)
{
	struct flow *flow;

	if (backlog->count == 0 || !uses_flows(backlog))
		return backlog_oldest(backlog);
	backlog_sort(backlog, moment);
	if (backlog->rules.discipline == BACKLOG_FAIR && moment->overloaded)
		return choose_while_overloaded(backlog, moment);
	flow = flow_least_served(backlog->flows, false);
	return flow != NULL ? in_flow(flow->jobs.next) : NULL;
}

struct datagram *backlog_take(
	struct backlog *backlog, const struct backlog_moment *moment, int64_t mean_ns)
{
	struct datagram *datagram = choose(backlog, moment);
	struct flow *flow;

	if (datagram == NULL)
		return NULL;
	flow = datagram->flow;
	backlog->taken += moment->overloaded;
	unlink_datagram(backlog, datagram);
	if (flow == NULL)
		return datagram;
	flow->running++;
	datagram->charged_ns = 0;
	if (backlog->rules.discipline == BACKLOG_FAIR)
		datagram->charged_ns = mean_ns > 0 ? mean_ns : 1;
	rehang(backlog, flow, datagram->charged_ns);
	return datagram;
}

bool backlog_take_all(struct backlog *backlog, struct datagram_list *ret_jobs)
{
	if (backlog->rules.per_client || backlog->unsorted.count < backlog->count)
		return false;
	backlog->count = 0;
	datagram_list_append(ret_jobs, &backlog->unsorted);
	return true;
}

/* Returns whether others of its flow wait that could not be taken before. */
static bool finish(struct backlog *backlog, struct datagram *datagram)
{
	struct flow *flow = datagram->flow;
	int64_t correction_ns = 0;

	if (backlog->rules.discipline == BACKLOG_FAIR)
		correction_ns = datagram->service_ns - datagram->charged_ns;
	flow->running--;
	if (place_of(backlog, flow) != flow->place)
		rehang(backlog, flow, correction_ns);
	else
		flow_charge(backlog->flows, flow, correction_ns);
	datagram->flow = NULL;
	return backlog->rules.per_client && flow->waiting > 0;
}

bool backlog_finish(struct backlog *backlog, const struct datagram_list *jobs)
{
	bool freed = false;

	if (!uses_flows(backlog))
		return false;
	if (jobs->first->flow == NULL) {
		flow_charge_each(backlog->flows, jobs);
		return false;
	}
	for (struct datagram *job = jobs->first; job != NULL; job = job->next)
		freed |= finish(backlog, job);
	return freed;
}

void backlog_next_window(struct backlog *backlog)
{
	flow_table_next_window(backlog->flows);
}
