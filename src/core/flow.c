#include "core/flow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/siphash.h"
#include "base/sys.h"

struct flow_table {
	_Alignas(64) struct siphash_key key;
	size_t flows;
	size_t used; /* records that were ever taken */
	size_t mask; /* of hash heads */
	size_t bytes;
	uint32_t window;
	struct flow_order orders[FLOW_IDLE + 1];
	struct flow *records;
	struct flow **heads;
};

_Static_assert(sizeof(struct flow) == 128, "a flow is two cache lines");

static size_t heads_of(size_t flows)
{
	size_t heads = 16;

	while (heads < flows)
		heads *= 2;
	return heads;
}

size_t flow_table_bytes(size_t flows)
{
	return sizeof(struct flow_table) + flows * sizeof(struct flow) +
	       heads_of(flows) * sizeof(struct flow *);
}

static void order_init(struct flow_order *order)
{
	for (unsigned i = 0; i < FLOW_LISTS; i++)
		link_init(&order->lists[i]);
}

/* One mapping: the table, the hash's heads, the records. */
int flow_table_new(size_t flows, struct flow_table **ret_table)
{
	size_t bytes = flow_table_bytes(flows), heads = heads_of(flows);
	struct flow_table *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (table == MAP_FAILED)
		return -ENOMEM;
	table->flows = flows;
	table->bytes = bytes;
	table->mask = heads - 1;
	table->records = (struct flow *)(void *)(table + 1);
	table->heads = (struct flow **)(void *)(table->records + flows);
	for (unsigned i = 0; i <= FLOW_IDLE; i++)
		order_init(&table->orders[i]);
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

static uint64_t hash_of(const struct flow_table *table, const struct flow_source *source)
{
	size_t count = 3;

	while (count > 1 && source->words[count - 1] == 0)
		count--;
	return siphash(&table->key, source->words, count);
}

void flow_prepare(const struct flow_table *table, const struct datagram_list *batch, bool with_port)
{
	for (struct datagram *d = batch->first; d != NULL; d = d->next) {
		flow_source_of(&d->client, with_port, &d->source);
		d->source_hash = hash_of(table, &d->source);
		__builtin_prefetch(&table->heads[d->source_hash & table->mask]);
	}
}

void flow_expect(const struct flow_table *table, const struct datagram_list *batch)
{
	for (const struct datagram *d = batch->first; d != NULL; d = d->next)
		__builtin_prefetch(table->heads[d->source_hash & table->mask]);
}

/* --- order */

static unsigned list_of(int64_t served_ns)
{
	uint64_t value = served_ns > 0 ? (uint64_t)served_ns : 0;
	unsigned exponent, list;

	if (value < 32)
		return (unsigned)value;
	exponent = 63u - (unsigned)__builtin_clzll(value);
	list = (exponent - 4) * 32 + (unsigned)(value >> (exponent - 5) & 31);
	return list < FLOW_LISTS ? list : FLOW_LISTS - 1;
}

static void mark(struct flow_order *order, unsigned list)
{
	order->filled[list / 64] |= (uint64_t)1 << list % 64;
	order->filled_words |= (uint64_t)1 << list / 64;
}

static void unmark(struct flow_order *order, unsigned list)
{
	order->filled[list / 64] &= ~((uint64_t)1 << list % 64);
	if (order->filled[list / 64] == 0)
		order->filled_words &= ~((uint64_t)1 << list / 64);
}

/* The first list that is not empty; there must be one. */
static unsigned first_list(const struct flow_order *order)
{
	unsigned word = (unsigned)__builtin_ctzll(order->filled_words);

	return word * 64 + (unsigned)__builtin_ctzll(order->filled[word]);
}

/* All lists become the first, in which those who were served least come last: while overloaded they
 * are next. */
static void flatten(struct flow_order *order)
{
	while (order->filled_words != 0) {
		unsigned list = first_list(order);

		unmark(order, list);
		if (list > 0)
			link_prepend_all(&order->lists[0], &order->lists[list]);
	}
	if (!link_is_empty(&order->lists[0]))
		mark(order, 0);
}

void flow_table_next_window(struct flow_table *table)
{
	table->window++;
	for (unsigned i = 0; i <= FLOW_IDLE; i++)
		flatten(&table->orders[i]);
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

void flow_unhang(struct flow_table *table, struct flow *flow)
{
	enter_window(table, flow);
	if (flow->order == NULL)
		return;
	link_remove(&flow->in_order);
	if (link_is_empty(&flow->order->lists[flow->list]))
		unmark(flow->order, flow->list);
	flow->order = NULL;
}

static void hang(struct flow_table *table, struct flow *flow, struct flow_order *order)
{
	flow_unhang(table, flow);
	flow->order = order;
	flow->list = list_of(flow->served_ns);
	link_append(&order->lists[flow->list], &flow->in_order);
	mark(order, flow->list);
}

void flow_hang(struct flow_table *table, struct flow *flow, enum flow_place place)
{
	hang(table, flow, &table->orders[place]);
}

void flow_charge(struct flow_table *table, struct flow *flow, int64_t ns)
{
	enter_window(table, flow);
	flow->served_ns = flow->served_ns + ns > 0 ? flow->served_ns + ns : 0;
	if (flow->order != NULL && list_of(flow->served_ns) != flow->list)
		hang(table, flow, flow->order);
}

struct flow *flow_least_served(struct flow_table *table, bool last)
{
	struct flow_order *order = &table->orders[FLOW_READY];
	struct link *head;

	if (order->filled_words == 0)
		order = &table->orders[FLOW_STALE];
	if (order->filled_words == 0)
		return NULL;
	head = &order->lists[first_list(order)];
	return LINK_OWNER(last ? head->previous : head->next, struct flow, in_order);
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
	struct link *head;
	struct flow *flow, **place;

	assert(table->orders[FLOW_IDLE].filled_words != 0);
	head = &table->orders[FLOW_IDLE].lists[first_list(&table->orders[FLOW_IDLE])];
	flow = LINK_OWNER(head->next, struct flow, in_order);
	__builtin_prefetch(LINK_OWNER(flow->in_order.next, struct flow, in_order));
	flow_unhang(table, flow);
	for (place = flow->hash_head; *place != flow; place = &(*place)->hash_next)
		;
	*place = flow->hash_next;
	return flow;
}

struct flow *flow_find(struct flow_table *table, const struct flow_source *source, uint64_t hash)
{
	struct flow **head = &table->heads[hash & table->mask], *flow;

	for (flow = *head; flow != NULL; flow = flow->hash_next)
		if (same_source(&flow->source, source))
			return flow;
	if (table->used < table->flows)
		flow = &table->records[table->used++];
	else
		flow = forget(table);
	*flow = (struct flow){
		.source = *source, .hash_next = *head, .hash_head = head, .window = table->window
	};
	link_init(&flow->jobs);
	*head = flow;
	return flow;
}
