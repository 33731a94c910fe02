#include "queue/flow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"

struct flow_table {
	_Alignas(64) struct flow_key key;
	size_t flows;
	size_t used;	 /* records that were ever taken */
	size_t idle;	 /* of them */
	size_t idle_max; /* that are remembered */
	size_t mask;	 /* of hash heads */
	size_t bytes;
	uint32_t window;
	struct flow_order orders[FLOW_PLACES];
	struct flow *records; /* the first is nobody's, and ends each chain of the hash */
	uint32_t *heads;      /* of chains: numbers of records */
};

_Static_assert(sizeof(struct flow) == 128, "a flow is two cache lines");

static size_t heads_of(size_t flows)
{
	size_t heads = 16;

	while (heads < 2 * flows)
		heads *= 2;
	return heads;
}

size_t flow_table_bytes(size_t flows)
{
	return sizeof(struct flow_table) + (flows + 1) * sizeof(struct flow) +
	       heads_of(flows) * sizeof(uint32_t);
}

/* One mapping: the table, the records, the hash's heads. */
int flow_table_new(size_t flows, size_t idle, struct flow_table **ret_table)
{
	size_t bytes = flow_table_bytes(flows), heads = heads_of(flows);
	struct flow_table *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (table == MAP_FAILED)
		return -ENOMEM;
	assert(flows < UINT32_MAX && idle > 0);
	table->flows = flows;
	table->idle_max = idle;
	table->bytes = bytes;
	table->mask = heads - 1;
	table->records = (struct flow *)(void *)(table + 1);
	table->heads = (uint32_t *)(void *)(table->records + 1 + flows);
	for (unsigned i = 0; i < FLOW_PLACES; i++)
		flow_order_init(&table->orders[i]);
	sys_random(&table->key, sizeof(table->key));
	*ret_table = table;
	return 0;
}

void flow_table_free(struct flow_table *table)
{
	if (table != NULL)
		munmap(table, table->bytes);
}

/* --- hints */

void flow_prepare(const struct flow_table *table, const struct datagram_list *batch, bool with_port)
{
	flow_note_sources(&table->key, batch, with_port);
}

void flow_expect(const struct flow_table *table, const struct datagram_list *batch)
{
	for (const struct datagram *d = batch->first; d != NULL; d = d->next) {
		const struct flow *first =
			&table->records[table->heads[d->source_hash & table->mask]];

		__builtin_prefetch(first);
		__builtin_prefetch(&first->jobs);
	}
}

/* --- order */

void flow_table_next_window(struct flow_table *table)
{
	table->window++;
	for (unsigned i = 0; i < FLOW_PLACES; i++)
		flow_order_flatten(&table->orders[i]);
}

/* A flow that was last touched in a window that is over was served nothing in this one. */
static void enter_window(const struct flow_table *table, struct flow *flow)
{
	if (flow->window == table->window)
		return;
	flow->window = table->window;
	flow->served_ns = 0;
	flow->list = 0;
}

static int64_t charged(const struct flow *flow, int64_t ns)
{
	return flow->served_ns + ns > 0 ? flow->served_ns + ns : 0;
}

void flow_move(struct flow_table *table, struct flow *flow, enum flow_place place, int64_t ns)
{
	enter_window(table, flow);
	if (flow->place != FLOW_NOWHERE)
		link_remove(&flow->in_order);
	flow->served_ns = charged(flow, ns);
	if (place != FLOW_NOWHERE && (ns != 0 || flow->place == FLOW_NOWHERE))
		flow->list = flow_order_list(flow->served_ns);
	table->idle -= flow->place == FLOW_IDLE;
	table->idle += place == FLOW_IDLE;
	flow->place = place;
	if (place != FLOW_NOWHERE)
		flow_order_hang(&table->orders[place], flow->list, &flow->in_order);
}

static inline void charge(struct flow_table *table, struct flow *flow, int64_t ns)
{
	enter_window(table, flow);
	if (flow_order_list(charged(flow, ns)) != flow->list)
		flow_move(table, flow, flow->place, ns);
	else
		flow->served_ns = charged(flow, ns);
}

static struct flow *owner(struct link *link)
{
	return LINK_OWNER(link, struct flow, in_order);
}

/* A hint: the third of this list will be needed soon, both of its cache lines. (Where there is none
 * it is the list's head, which does no harm.) */
static void expect_third(const struct link *head)
{
	const char *third = (const char *)head->next->next->next;

	__builtin_prefetch(third);
	__builtin_prefetch(third + 64);
}

struct flow *flow_least_served(struct flow_table *table, bool last)
{
	struct link *head = flow_order_first(&table->orders[FLOW_READY]);

	if (head == NULL)
		head = flow_order_first(&table->orders[FLOW_STALE]);
	if (head == NULL)
		return NULL;
	if (!last)
		expect_third(head);
	return owner(last ? head->previous : head->next);
}

/* --- finding */

static bool same_source(const struct flow_source *a, const struct flow_source *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] &&
	       a->words[2] == b->words[2];
}

/* Forget the idle flow that was served least. */
static struct flow *forget(struct flow_table *table)
{
	struct link *head = flow_order_first(&table->orders[FLOW_IDLE]);
	struct flow *flow;

	assert(head != NULL);
	expect_third(head);
	flow = owner(head->next);
	flow_move(table, flow, FLOW_NOWHERE, 0);
	*flow->hash_place = flow->hash_next;
	table->records[flow->hash_next].hash_place = flow->hash_place;
	return flow;
}

static void enter_hash(struct flow_table *table, struct flow *flow, uint32_t *head)
{
	flow->hash_next = *head;
	flow->hash_place = head;
	table->records[flow->hash_next].hash_place = &flow->hash_next;
	*head = (uint32_t)(flow - table->records);
}

static uint32_t *head_of(const struct flow_table *table, const struct datagram *datagram)
{
	return &table->heads[datagram->source_hash & table->mask];
}

/* One by one: an assignment of all is a rep stos, whose start alone takes longer. */
static struct flow *make(struct flow_table *table, const struct datagram *datagram)
{
	struct flow *flow;

	if (table->used < table->flows && table->idle < table->idle_max)
		flow = &table->records[++table->used];
	else
		flow = forget(table);
	flow->source = datagram->source;
	link_init(&flow->jobs);
	flow->place = FLOW_NOWHERE;
	flow->served_ns = 0;
	flow->window = table->window;
	flow->list = 0;
	flow->waiting = flow->running = 0;
	flow->stale = false;
	enter_hash(table, flow, head_of(table, datagram));
	return flow;
}

static inline struct flow *look_up(const struct flow_table *table, const struct datagram *datagram)
{
	struct flow *flow;

	for (uint32_t i = *head_of(table, datagram); i != 0; i = flow->hash_next) {
		flow = &table->records[i];
		if (same_source(&flow->source, &datagram->source))
			return flow;
	}
	return NULL;
}

struct flow *flow_find(struct flow_table *table, const struct datagram *datagram)
{
	struct flow *flow = look_up(table, datagram);

	if (flow == NULL)
		return make(table, datagram);
	enter_window(table, flow);
	return flow;
}

void flow_charge(struct flow_table *table, struct flow *flow, int64_t ns)
{
	charge(table, flow, ns);
}

void flow_charge_each(struct flow_table *table, const struct datagram_list *jobs)
{
	flow_expect(table, jobs);
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		struct flow *flow = look_up(table, job);

		if (flow != NULL)
			charge(table, flow, job->service_ns);
		else
			flow_move(table, make(table, job), FLOW_IDLE, job->service_ns);
	}
}
