/* DESIGN: a flow stands in up to three structures.
 *
 * The hash: chains of record numbers, so that a record is two cache lines.
 *
 * An order, one for each state: lists by the time served in this window, fine where that is little and
 * coarse (one part in 32) where it is much; a bitmap of two levels finds the first list. At the end of
 * a window all lists become the first one.
 *
 * The lengths (lengths.h): by how many of its datagrams wait. */
#include "queue/flow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"
#include "queue/lengths.h"

/* 32 lists to a power of two, from 0 up to 2^43 ns (two hours). */
#define ORDER_LISTS ((43 - 5 + 1) * 32)

/* Fewer records, of 128 bytes each, are half of the smallest L1 cache: they need no prefetch hint. */
#define EXPECT_FLOWS 128

struct flow_order {
	uint64_t filled[(ORDER_LISTS + 63) / 64]; /* a bit a list that may not be empty */
	uint64_t filled_words;			  /* a bit a word of those that is not 0 */
	struct link lists[ORDER_LISTS];
};

struct flow_table {
	_Alignas(64) struct flow_key key;
	size_t flows;
	size_t used;	 /* records that were ever taken */
	size_t idle;	 /* of them */
	size_t idle_max; /* that are remembered */
	size_t mask;	 /* of hash heads */
	size_t bytes;
	uint32_t window;
	struct flow_order orders[FLOW_ORDERS];
	struct lengths lengths;
	struct flow *records; /* the first is nobody's, and ends each chain of the hash */
	uint32_t *heads;      /* of chains: numbers of records */
};

_Static_assert(sizeof(struct flow) == 128, "a flow is two cache lines");

/* --- the source of a datagram */

/* The family of an IPv4 address, in the lowest 16 bits of its word. */
#define V4 ((uint64_t)le16toh(AF_INET))

static uint64_t word_of(const void *bytes, size_t count)
{
	uint64_t word = 0;

	memcpy(&word, bytes, count);
	return word;
}

static uint64_t half_products(const uint64_t keys[2], uint64_t word)
{
	return keys[0] * (uint32_t)word + keys[1] * (word >> 32);
}

/* An IPv4 address is all in the first word, as addr_word() has it. The lowest 32 bits of the sum are dropped: a
 * product's bits depend on lower ones alone. */
static uint32_t note_v4(const struct flow_key *key, uint64_t word, struct flow_source *ret_source)
{
	ret_source->words[0] = word;
	return (uint32_t)((key->words[0] + half_products(&key->words[1], word)) >> 32);
}

static uint32_t note_v6(const struct flow_key *key, const struct sockaddr_in6 *client,
	bool with_port, struct flow_source *ret_source)
{
	const uint8_t *bytes = client->sin6_addr.s6_addr;
	uint64_t port = with_port ? le16toh(client->sin6_port) : 0;
	bool whole = with_port || IN6_IS_ADDR_LINKLOCAL(&client->sin6_addr);
	uint64_t sum = key->words[0];

	if (IN6_IS_ADDR_V4MAPPED(&client->sin6_addr))
		return note_v4(
			key, V4 | port << 16 | le64toh(word_of(bytes + 12, 4)) << 32, ret_source);
	*ret_source = (struct flow_source){ .words = {
						    AF_INET6 | port << 16 |
							    (uint64_t)client->sin6_scope_id << 32,
						    word_of(bytes, 8),
						    whole ? word_of(bytes + 8, 8) : 0,
					    } };
	for (unsigned i = 0; i < 3; i++)
		sum += half_products(&key->words[1 + 2 * i], ret_source->words[i]);
	return (uint32_t)(sum >> 32);
}

void flow_note_sources(
	const struct flow_key *key, const struct datagram_list *batch, bool with_port)
{
	const uint64_t known = with_port ? UINT64_MAX : ~((uint64_t)UINT16_MAX << 16);

	for (struct datagram *d = batch->first; d != NULL; d = d->next) {
		const union addr *client = &d->client;

		if (client->sa.sa_family == AF_INET)
			d->source_hash = note_v4(key, addr_word(client) & known, &d->source);
		else
			d->source_hash = note_v6(key, &client->in6, with_port, &d->source);
	}
}

void flow_prepare(const struct flow_table *table, const struct datagram_list *batch, bool with_port)
{
	flow_note_sources(&table->key, batch, with_port);
}

/* --- orders: by time served */

static void order_init(struct flow_order *order)
{
	for (unsigned i = 0; i < ORDER_LISTS; i++)
		link_init(&order->lists[i]);
}

/* The list for this time, which is never negative. */
static uint32_t order_list(int64_t served_ns)
{
	uint64_t value = (uint64_t)served_ns;
	uint32_t exponent, list;

	if (value < 32)
		return (uint32_t)value;
	exponent = (63u ^ (uint32_t)__builtin_clzll(value)) - 5; /* of its leading bit, less 5 */
	list = exponent * 32 + (uint32_t)(value >> exponent);
	return list < ORDER_LISTS ? list : ORDER_LISTS - 1;
}

static int64_t order_list_end_ns(uint32_t list)
{
	uint32_t exponent = list < 64 ? 0 : list / 32 - 1;

	return list == ORDER_LISTS - 1 ? INT64_MAX
				       : (int64_t)(list - exponent * 32 + 1) << exponent;
}

static inline void order_mark(struct flow_order *order, uint32_t list)
{
	order->filled[list / 64] |= (uint64_t)1 << list % 64;
	order->filled_words |= (uint64_t)1 << list / 64;
}

static void order_unmark(struct flow_order *order, unsigned list)
{
	order->filled[list / 64] &= ~((uint64_t)1 << list % 64);
	if (order->filled[list / 64] == 0)
		order->filled_words &= ~((uint64_t)1 << list / 64);
}

/* Behind all others of the list. A flow leaves it by link_remove(). */
static inline void order_insert(struct flow_order *order, uint32_t list, struct link *flow)
{
	order_mark(order, list);
	link_append(&order->lists[list], flow);
}

/* The first list that is not empty, or NULL. A list that became empty stays marked until it is met
 * here, once for each time that it was marked: to look whenever a list loses a flow costs more. */
static struct link *order_first(struct flow_order *order)
{
	while (order->filled_words != 0) {
		unsigned word = (unsigned)__builtin_ctzll(order->filled_words);
		unsigned list = word * 64 + (unsigned)__builtin_ctzll(order->filled[word]);

		if (!link_is_empty(&order->lists[list]))
			return &order->lists[list];
		order_unmark(order, list);
	}
	return NULL;
}

/* All lists become the first, in which those who were served least come last: while overloaded they
 * are next. */
static void order_flatten(struct flow_order *order)
{
	struct link *list;

	order_unmark(order, 0);
	while ((list = order_first(order)) != NULL)
		link_prepend_all(&order->lists[0], list);
	order_mark(order, 0);
}

/* --- the table */

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
	for (unsigned i = 0; i < FLOW_ORDERS; i++)
		order_init(&table->orders[i]);
	lengths_init(&table->lengths);
	sys_random(&table->key, sizeof(table->key));
	*ret_table = table;
	return 0;
}

void flow_table_free(struct flow_table *table)
{
	if (table != NULL)
		munmap(table, table->bytes);
}

void flow_table_next_window(struct flow_table *table)
{
	table->window++;
	for (unsigned i = 0; i < FLOW_ORDERS; i++)
		order_flatten(&table->orders[i]);
}

static void be_unserved(const struct flow_table *table, struct flow *flow)
{
	flow->window = table->window;
	flow->served_ns = 0;
	flow->list = 0;
	flow->list_end_ns = order_list_end_ns(0);
}

/* A flow that was last touched in a window that is over was served nothing in this one. */
static void enter_window(const struct flow_table *table, struct flow *flow)
{
	if (flow->window != table->window)
		be_unserved(table, flow);
}

static int64_t charged(const struct flow *flow, int64_t ns)
{
	return flow->served_ns + ns > 0 ? flow->served_ns + ns : 0;
}

void flow_move(struct flow_table *table, struct flow *flow, enum flow_state state, int64_t ns)
{
	enter_window(table, flow);
	if (flow->state != FLOW_RUNNING)
		link_remove(&flow->in_order);
	flow->served_ns = charged(flow, ns);
	if (state != FLOW_RUNNING && (ns != 0 || flow->state == FLOW_RUNNING)) {
		flow->list = order_list(flow->served_ns);
		flow->list_end_ns = order_list_end_ns(flow->list);
	}
	table->idle -= flow->state == FLOW_IDLE;
	table->idle += state == FLOW_IDLE;
	flow->state = state;
	if (state != FLOW_RUNNING)
		order_insert(&table->orders[state], flow->list, &flow->in_order);
}

void flow_charge(struct flow_table *table, struct flow *flow, int64_t ns)
{
	enter_window(table, flow);
	if (order_list(charged(flow, ns)) != flow->list)
		flow_move(table, flow, flow->state, ns);
	else
		flow->served_ns = charged(flow, ns);
}

/* Prefetch both cache lines of the third flow of a list: it is needed soon. (A list with fewer ends in
 * its head, which does no harm.) */
static void expect_third(const struct link *head)
{
	const char *third = (const char *)head->next->next->next;

	__builtin_prefetch(third);
	__builtin_prefetch(third + 64);
}

struct flow *flow_least_served(struct flow_table *table, bool last)
{
	struct link *head = order_first(&table->orders[FLOW_READY]);

	if (head == NULL)
		head = order_first(&table->orders[FLOW_AGED]);
	if (head == NULL)
		return NULL;
	if (!last)
		expect_third(head);
	return LINK_OWNER(last ? head->previous : head->next, struct flow, in_order);
}

void flow_requeue_length(struct flow_table *table, struct flow *flow, uint32_t waiting)
{
	lengths_requeue(&table->lengths, flow, waiting);
}

struct flow *flow_longest(const struct flow_table *table)
{
	return lengths_longest(&table->lengths);
}

/* Forget the idle flow that was served least. */
static struct flow *forget(struct flow_table *table)
{
	struct link *head = order_first(&table->orders[FLOW_IDLE]);
	struct flow *flow;

	assert(head != NULL);
	expect_third(head);
	flow = LINK_OWNER(head->next, struct flow, in_order);
	flow_move(table, flow, FLOW_RUNNING, 0);
	*flow->hash_place = flow->hash_next;
	table->records[flow->hash_next].hash_place = flow->hash_place;
	return flow;
}

static uint32_t *head_of(const struct flow_table *table, const struct datagram *datagram)
{
	return &table->heads[datagram->source_hash & table->mask];
}

static void enter_hash(struct flow_table *table, struct flow *flow, uint32_t *head)
{
	flow->hash_next = *head;
	flow->hash_place = head;
	table->records[flow->hash_next].hash_place = &flow->hash_next;
	*head = (uint32_t)(flow - table->records);
}

/* Field by field: one assignment of the whole is a rep stos, whose start alone takes longer. */
static struct flow *make_flow(struct flow_table *table, const struct datagram *datagram)
{
	struct flow *flow;

	if (table->used < table->flows && table->idle < table->idle_max)
		flow = &table->records[++table->used];
	else
		flow = forget(table);
	flow->source = datagram->source;
	link_init(&flow->jobs);
	flow->state = FLOW_RUNNING;
	be_unserved(table, flow);
	flow->waiting = flow->running = 0;
	flow->aged = false;
	enter_hash(table, flow, head_of(table, datagram));
	return flow;
}

/* The first word of an IPv4 address is all of it. */
static inline bool same_words(const struct flow_source *a, const struct flow_source *b)
{
	return a->words[0] == b->words[0] &&
	       ((uint16_t)a->words[0] == V4 ||
		       (a->words[1] == b->words[1] && a->words[2] == b->words[2]));
}

bool flow_same_source(const struct datagram *a, const struct datagram *b)
{
	return same_words(&a->source, &b->source);
}

static inline struct flow *look_up(const struct flow_table *table, const struct datagram *datagram)
{
	for (uint32_t i = *head_of(table, datagram); i != 0;) {
		struct flow *flow = &table->records[i];

		if (same_words(&flow->source, &datagram->source))
			return flow;
		i = flow->hash_next;
	}
	return NULL;
}

struct flow *flow_find(struct flow_table *table, const struct datagram *datagram)
{
	struct flow *flow = look_up(table, datagram);

	if (flow == NULL)
		return make_flow(table, datagram);
	enter_window(table, flow);
	return flow;
}

void flow_expect(const struct flow_table *table, const struct datagram_list *batch)
{
	if (table->used < EXPECT_FLOWS)
		return;
	for (const struct datagram *d = batch->first; d != NULL; d = d->next) {
		const struct flow *first = &table->records[*head_of(table, d)];

		__builtin_prefetch(first);
		__builtin_prefetch(&first->jobs);
	}
}

void flow_charge_each(struct flow_table *table, const struct datagram_list *jobs)
{
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		struct flow *flow = look_up(table, job);
		int64_t ns = job->service_ns;

		if (flow == NULL)
			flow_move(table, make_flow(table, job), FLOW_IDLE, ns);
		else if (flow->window == table->window && flow->served_ns + ns < flow->list_end_ns)
			flow->served_ns += ns; /* which most do: its list stays */
		else
			flow_move(table, flow, flow->state, ns);
	}
}
