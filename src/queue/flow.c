/* DESIGN: a flow stands in up to four structures.
 *
 * The hash: chains of record numbers, so that a record is two cache lines.
 *
 * An order (order.h), one for each state; and while it is ready, its network's list (network.h).
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
#include "queue/network.h"
#include "queue/order.h"

/* Fewer records, of 128 bytes each, are half of the smallest L1 cache: they need no prefetch hint. */
#define EXPECT_FLOWS 128

/* Flows that are looked at for talkers while the lock is held: some 10 us. */
#define RANK_FLOWS 512

/* The last window but its own in which a flow was touched. */
struct flow_past {
	int64_t served_ns;
	uint32_t requests;
	uint32_t window;
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
	struct order orders[FLOW_ORDERS];
	struct network_table networks;
	struct lengths lengths;
	struct flow_past *past; /* by the number of a flow */
	struct flow *records;	/* the first is nobody's, and ends each chain of the hash */
	uint32_t *heads;	/* of chains: numbers of records */
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

/* An IPv4 address is all in the first word, as addr_word() has it. */
static uint32_t note_v4(const struct flow_key *key, uint64_t word, struct flow_source *ret_source)
{
	ret_source->words[0] = word;
	return (uint32_t)((key->words[0] + addr_multilinear(&key->words[1], word)) >> 32);
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
		sum += addr_multilinear(&key->words[1 + 2 * i], ret_source->words[i]);
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
	return sizeof(struct flow_table) +
	       (flows + 1) * (sizeof(struct flow) + sizeof(struct flow_past)) +
	       heads_of(flows) * sizeof(uint32_t) + network_table_bytes(flows, heads_of(flows));
}

/* One mapping: the table, the records, their past, the hash's heads (of which there are 16 at least), the networks. */
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
	table->past = (struct flow_past *)(void *)(table->records + 1 + flows);
	table->heads = (uint32_t *)(void *)(table->past + 1 + flows);
	for (unsigned i = 0; i < FLOW_ORDERS; i++)
		order_init(&table->orders[i]);
	network_table_init(&table->networks, flows, heads, table->heads + heads);
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
	network_table_next_window(&table->networks);
}

static uint32_t record_number(const struct flow_table *table, const struct flow *flow)
{
	return (uint32_t)(flow - table->records);
}

static void be_unserved(const struct flow_table *table, struct flow *flow)
{
	flow->window = table->window;
	flow->served_ns = 0;
	flow->requests = 0;
	flow->list = 0;
	flow->list_end_ns = order_list_end_ns(0);
}

/* A flow that was last touched in a window that is over was served nothing in this one. */
static void enter_window(const struct flow_table *table, struct flow *flow)
{
	if (flow->window == table->window)
		return;
	table->past[record_number(table, flow)] =
		(struct flow_past){ flow->served_ns, flow->requests, flow->window };
	be_unserved(table, flow);
}

static void move(struct flow_table *table, struct flow *flow, enum flow_state state, int64_t ns)
{
	enter_window(table, flow);
	if (flow->state != FLOW_RUNNING)
		link_remove(&flow->in_order);
	flow->served_ns = order_charged(flow->served_ns, ns);
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

void flow_move(struct flow_table *table, struct flow *flow, enum flow_state state, int64_t ns)
{
	uint32_t number = record_number(table, flow);
	bool relisted = state != flow->state || ns != 0;

	if (relisted && flow->state == FLOW_READY)
		network_unlist(&table->networks, number);
	if (ns != 0)
		network_charge(&table->networks, number, ns);
	if (relisted && state == FLOW_READY)
		network_list(&table->networks, number);
	move(table, flow, state, ns);
}

void flow_charge(struct flow_table *table, struct flow *flow, int64_t ns)
{
	enter_window(table, flow);
	network_charge(&table->networks, record_number(table, flow), ns);
	if (order_list(order_charged(flow->served_ns, ns)) != flow->list)
		move(table, flow, flow->state, ns);
	else
		flow->served_ns = order_charged(flow->served_ns, ns);
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
		head = order_first(&table->orders[FLOW_ASIDE]);
	if (head == NULL)
		return NULL;
	if (!last)
		expect_third(head);
	return LINK_OWNER(last ? head->previous : head->next, struct flow, in_order);
}

struct flow *flow_of_least_served_network(struct flow_table *table)
{
	uint32_t number = network_least_served(&table->networks);

	return number != 0 ? &table->records[number] : flow_least_served(table, true);
}

static uint32_t list_now(const struct flow_table *table, const struct flow *flow)
{
	return flow->window == table->window ? flow->list : 0;
}

bool flow_is_equal(
	const struct flow_table *table, const struct flow *a, const struct flow *b, bool by_network)
{
	if (by_network)
		return network_is_equal(
			&table->networks, record_number(table, a), record_number(table, b));
	return list_now(table, a) == list_now(table, b);
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
	network_leave(&table->networks, record_number(table, flow));
	move(table, flow, FLOW_RUNNING, 0);
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
	*head = record_number(table, flow);
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
	table->past[record_number(table, flow)].window = table->window;
	flow->waiting = flow->running = 0;
	flow->aside = false;
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
		flow = make_flow(table, datagram);
	enter_window(table, flow);
	network_join(&table->networks, record_number(table, flow), &flow->source);
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
			move(table, flow = make_flow(table, job), FLOW_IDLE, ns);
		else if (flow->window == table->window && flow->served_ns + ns < flow->list_end_ns)
			flow->served_ns += ns; /* which most do: its list stays */
		else
			move(table, flow, flow->state, ns);
		flow->requests++;
	}
}

/* --- what they were served */

static void rank_one(const struct flow_table *table, uint32_t number, struct talkers *talkers)
{
	const struct flow *flow = &table->records[number];
	const struct flow_past *past = &table->past[number];
	struct talker talker = { flow->source, flow->requests, flow->served_ns };

	if (flow->window != talkers->window) {
		if (past->window != talkers->window)
			return;
		talker.requests = past->requests;
		talker.served_ns = past->served_ns;
	}
	talkers_add(talkers, &talker);
}

bool flow_rank(const struct flow_table *table, bool current, struct talkers *talkers)
{
	if (!talkers->begun)
		*talkers = (struct talkers){
			.begun = true, .again = current, .window = table->window - !current
		};
	for (unsigned i = 0; i < RANK_FLOWS && talkers->next < table->used; i++)
		rank_one(table, ++talkers->next, talkers);
	if (talkers->next < table->used)
		return true;
	if (!talkers->again || talkers->by_requests[0].requests > 0)
		return false;
	*talkers = (struct talkers){ .begun = true, .window = talkers->window - 1 };
	return true;
}
