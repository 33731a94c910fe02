#include "queue/network.h"

#include <assert.h>
#include <endian.h>

#include "base/sys.h"

/* What is left of a source: family, scope and the first 24 bits; of IPv6 family and scope, and the first 48 bits. */
#define V4_WORD 0x00ffffff0000ffffu
#define V6_WORD 0xffffffff0000ffffu
#define V6_BITS 0x0000ffffffffffffu

struct network {
	uint64_t words[2];
	struct link in_order; /* while a flow of it is listed */
	struct link listed;   /* flows, by their members */
	int64_t served_ns;    /* in window `window` */
	uint32_t window;
	uint32_t list; /* of the order, for served_ns; 0 when the window is over */
	uint32_t flows;
	uint32_t next; /* of its hash chain, or of those given back: a number; 0: none */
};

size_t network_table_bytes(size_t flows, size_t heads)
{
	return (flows + 1) * (sizeof(struct network) + sizeof(struct network_member)) +
	       heads * sizeof(uint32_t);
}

void network_table_init(struct network_table *table, size_t flows, size_t heads, void *bytes)
{
	table->mask = heads - 1;
	table->records = bytes;
	table->members = (struct network_member *)(void *)(table->records + flows + 1);
	table->heads = (uint32_t *)(void *)(table->members + flows + 1);
	order_init(&table->order);
	sys_random(table->key, sizeof(table->key));
}

void network_table_next_window(struct network_table *table)
{
	table->window++;
	order_flatten(&table->order);
}

/* --- the network of a source */

static uint32_t *chain_of(const struct network_table *table, const uint64_t words[2])
{
	uint64_t sum = table->key[0] + addr_multilinear(&table->key[1], words[0]) +
		       addr_multilinear(&table->key[3], words[1]);

	return &table->heads[sum >> 32 & table->mask];
}

static uint32_t find_words(const struct network_table *table, const uint64_t words[2])
{
	uint32_t i = *chain_of(table, words);

	while (i != 0 &&
		(table->records[i].words[0] != words[0] || table->records[i].words[1] != words[1]))
		i = table->records[i].next;
	return i;
}

/* There are as many records as flows. */
static uint32_t make_network(struct network_table *table, const uint64_t words[2])
{
	uint32_t *head = chain_of(table, words), number = table->free;
	struct network *network;

	if (number != 0)
		table->free = table->records[number].next;
	else
		number = ++table->used;
	network = &table->records[number];
	*network = (struct network){ { words[0], words[1] }, .window = table->window };
	link_init(&network->listed);
	network->next = *head;
	*head = number;
	return number;
}

void network_join(struct network_table *table, uint32_t flow, const struct flow_source *source)
{
	struct network_member *member = &table->members[flow];
	bool v4 = (uint16_t)source->words[0] == le16toh(AF_INET);
	uint64_t words[2] = { source->words[0] & (v4 ? V4_WORD : V6_WORD),
		v4 ? 0 : source->words[1] & le64toh(V6_BITS) };

	if (member->network != 0)
		return;
	member->network = find_words(table, words);
	if (member->network == 0)
		member->network = make_network(table, words);
	table->records[member->network].flows++;
}

void network_leave(struct network_table *table, uint32_t flow)
{
	uint32_t number = table->members[flow].network, *place;
	struct network *network = &table->records[number];

	table->members[flow].network = 0;
	if (number == 0 || --network->flows > 0)
		return;
	assert(link_is_empty(&network->listed));
	for (place = chain_of(table, network->words); *place != number;)
		place = &table->records[*place].next;
	*place = network->next;
	network->next = table->free;
	table->free = number;
}

/* --- the order */

static struct network *network_of(const struct network_table *table, uint32_t flow)
{
	return &table->records[table->members[flow].network];
}

/* As for a flow: what was last touched in a window that is over was served nothing in this one. */
static void begin_window(const struct network_table *table, struct network *network)
{
	if (network->window == table->window)
		return;
	network->window = table->window;
	network->served_ns = 0;
	network->list = 0;
}

void network_list(struct network_table *table, uint32_t flow)
{
	struct network *network = network_of(table, flow);

	begin_window(table, network);
	if (link_is_empty(&network->listed))
		order_insert(&table->order, network->list, &network->in_order);
	link_append(&network->listed, &table->members[flow].in_network);
}

void network_unlist(struct network_table *table, uint32_t flow)
{
	struct network *network = network_of(table, flow);

	link_remove(&table->members[flow].in_network);
	if (link_is_empty(&network->listed))
		link_remove(&network->in_order);
}

void network_charge(struct network_table *table, uint32_t flow, int64_t ns)
{
	struct network *network = network_of(table, flow);

	begin_window(table, network);
	network->served_ns = order_charged(network->served_ns, ns);
	network->list = order_list(network->served_ns);
	if (link_is_empty(&network->listed))
		return;
	link_remove(&network->in_order);
	order_insert(&table->order, network->list, &network->in_order);
}

uint32_t network_least_served(struct network_table *table)
{
	struct link *head = order_first(&table->order);
	struct network *network;

	if (head == NULL)
		return 0;
	network = LINK_OWNER(head->next, struct network, in_order);
	return (uint32_t)(LINK_OWNER(network->listed.next, struct network_member, in_network) -
			  table->members);
}

static uint32_t list_in_window(const struct network_table *table, const struct network *network)
{
	return network->window == table->window ? network->list : 0;
}

bool network_is_equal(const struct network_table *table, uint32_t a, uint32_t b)
{
	return list_in_window(table, network_of(table, a)) ==
	       list_in_window(table, network_of(table, b));
}
