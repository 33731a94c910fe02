#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

static struct letter *letter_at(uint32_t number)
{
	return &the_run->network.letters[number];
}

void model_init(struct model *model, unsigned service, struct queue *queue,
	const struct queue_limits *limits, const struct queue_settings *settings)
{
	*model = (struct model){ .queue = queue,
		.service = service,
		.limits = *limits,
		.settings = *settings,
		.least_interval_ns = settings->overload_interval_ns,
		.oldest = NOBODY,
		.newest = NOBODY };
	memset(model->heads, 0xff, sizeof(model->heads));
}

void model_free(struct model *model)
{
	free(model->flows);
	free(model->networks);
	free(model->suspects);
}

/* --- flows */

/* An IPv4 address, mapped or not; an IPv6 network; a link-local address with its scope. Where
 * clients are distinguished, all of the address, and the port. */
static void key_of(const struct model *model, const union addr *from, unsigned char key[24])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool client = model->limits.rules.per_client;
	uint16_t port = addr_port(from);

	memset(key, 0, 24);
	if (from->sa.sa_family == AF_INET) {
		memcpy(key, mapped, 12);
		memcpy(key + 12, &from->in.sin_addr, 4);
	} else {
		const unsigned char *bytes = from->in6.sin6_addr.s6_addr;
		bool local = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
		bool whole = client || local || memcmp(bytes, mapped, 12) == 0;

		memcpy(key, bytes, whole ? 16 : 8);
		if (local)
			memcpy(key + 16, &from->in6.sin6_scope_id, 4);
	}
	if (client)
		memcpy(key + 20, &port, 2);
}

/* The first 24 bits of an IPv4 address, 48 of an IPv6 one; for link-local ones with the scope. */
static uint32_t network_of(struct model *model, const unsigned char flow_key[24])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned char key[20] = { 0 };
	uint32_t i;

	memcpy(key, flow_key, memcmp(flow_key, mapped, 12) == 0 ? 15 : 6);
	memcpy(key + 16, flow_key + 16, 4);
	for (i = 0; i < model->networks_count; i++)
		if (memcmp(model->networks[i].key, key, 20) == 0)
			return i;
	model->networks = realloc(model->networks, (i + 1) * sizeof(*model->networks));
	if (model->networks == NULL)
		abort();
	model->networks[i] = (struct model_network){ .window = model->window };
	memcpy(model->networks[i].key, key, 20);
	model->networks_count++;
	return i;
}

uint32_t model_flow_of(struct model *model, const struct letter *letter)
{
	unsigned char key[24];
	unsigned head = 0;
	uint32_t i;

	key_of(model, &letter->from, key);
	for (unsigned j = 0; j < 24; j++)
		head = head * 31 + key[j];
	head %= MODEL_HEADS;
	for (i = model->heads[head]; i != NOBODY; i = model->flows[i].next)
		if (memcmp(model->flows[i].key, key, 24) == 0)
			return i;
	if (model->flows_count == model->flows_room) {
		model->flows_room = 2 * model->flows_room + 32;
		model->flows = realloc(model->flows, model->flows_room * sizeof(*model->flows));
		if (model->flows == NULL)
			abort();
	}
	i = model->flows_count++;
	model->flows[i] = (struct model_flow){
		.network = network_of(model, key),
		.next = model->heads[head],
		.oldest = NOBODY,
		.newest = NOBODY,
	};
	memcpy(model->flows[i].key, key, 24);
	model->heads[head] = i;
	return i;
}

bool model_is_ready(const struct model *model, const struct model_flow *flow)
{
	return flow->waiting > 0 && !(model->limits.rules.per_client && flow->running > 0);
}

int64_t model_served(const struct model *model, const struct model_flow *flow)
{
	return flow->window == model->window ? flow->served_ns : 0;
}

void model_charge(const struct model *model, struct model_flow *flow, int64_t ns)
{
	int64_t served_ns = model_served(model, flow) + ns;

	flow->served_ns = served_ns > 0 ? served_ns : 0;
	flow->window = model->window;
}

int64_t model_network_served(const struct model *model, const struct model_flow *flow)
{
	const struct model_network *network = &model->networks[flow->network];

	return network->window == model->window ? network->served_ns : 0;
}

void model_network_charge(const struct model *model, const struct model_flow *flow, int64_t ns)
{
	struct model_network *network = &model->networks[flow->network];
	int64_t served_ns = model_network_served(model, flow) + ns;

	network->served_ns = served_ns > 0 ? served_ns : 0;
	network->window = model->window;
}

/* The product drops it out of its flow's record, if it was in that. */
static void unsort(struct model *model, struct letter *letter)
{
	model->flows[letter->flow].sorted -= letter->sorted;
	letter->sorted = false;
}

static void change(struct model *model, struct model_flow *flow, int waiting, int running)
{
	model->ready -= model_is_ready(model, flow);
	flow->waiting += (unsigned)waiting;
	flow->running += (unsigned)running;
	model->ready += model_is_ready(model, flow);
}

/* --- letters */

void model_add(struct model *model, uint32_t number)
{
	struct letter *letter = letter_at(number);
	struct model_flow *flow = &model->flows[letter->flow];

	letter->state = LETTER_WAITING;
	flow->aside = false;
	flow->over = letter->datagram->standing == DATAGRAM_OVER;
	letter->sequence = ++model->sequence;
	letter->older = model->newest;
	letter->flow_older = flow->newest;
	letter->newer = letter->flow_newer = NOBODY;
	*(model->newest != NOBODY ? &letter_at(model->newest)->newer : &model->oldest) = number;
	*(flow->newest != NOBODY ? &letter_at(flow->newest)->flow_newer : &flow->oldest) = number;
	model->newest = flow->newest = number;
	model->count++;
	model->books.queued++;
	change(model, flow, 1, 0);
}

void model_remove(struct model *model, uint32_t number, bool to_run)
{
	struct letter *letter = letter_at(number);
	struct model_flow *flow = &model->flows[letter->flow];
	uint32_t older = letter->older, newer = letter->newer;

	if (flow->newest == number)
		flow->aside = model_may_be_aside(model, flow);
	*(older != NOBODY ? &letter_at(older)->newer : &model->oldest) = newer;
	*(newer != NOBODY ? &letter_at(newer)->older : &model->newest) = older;
	older = letter->flow_older;
	newer = letter->flow_newer;
	*(older != NOBODY ? &letter_at(older)->flow_newer : &flow->oldest) = newer;
	*(newer != NOBODY ? &letter_at(newer)->flow_older : &flow->newest) = older;
	letter->state = to_run ? LETTER_TAKEN : LETTER_DONE;
	if (!to_run)
		unsort(model, letter);
	model->count--;
	model->books.queued--;
	model->books.running += to_run;
	change(model, flow, -1, to_run);
}

void model_finish(struct model *model, uint32_t number)
{
	struct letter *letter = letter_at(number);

	letter->state = LETTER_DONE;
	unsort(model, letter);
	model->books.running--;
	change(model, &model->flows[letter->flow], 0, -1);
}
