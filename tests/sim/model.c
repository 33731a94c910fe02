#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

/* The product's lists of flows by length end there: longer ones are equally long. */
#define LENGTH_MAX 65u

/* While overloaded, one of so many that are taken is the newest of all; a flow whose newest waited
 * for this part of the overload interval is stale; so many stale ones are put aside at once. */
#define NEWEST_EVERY 3
#define STALE_PART 4
#define STALE_MAX 16

/* Of the served time the product's lists tell so many leading bits apart. */
#define SERVED_BITS 6

static struct letter *letter_at(uint32_t number)
{
	return &the_run->network.letters[number];
}

void model_init(struct model *model, unsigned service, struct queue *queue,
	const struct queue_shape *shape, const struct queue_settings *settings)
{
	*model = (struct model){ .queue = queue,
		.service = service,
		.shape = *shape,
		.settings = *settings,
		.least_interval_ns = settings->overload_interval_ns,
		.oldest = NOBODY,
		.newest = NOBODY };
	memset(model->heads, 0xff, sizeof(model->heads));
}

void model_free(struct model *model)
{
	free(model->flows);
}

/* --- flows */

/* An IPv4 address, mapped or not; an IPv6 network; a link-local address with its scope. Where
 * clients are told apart, all of the address, and the port. */
static void key_of(const struct model *model, const union addr *from, unsigned char key[24])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool client = model->shape.rules.per_client;
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
		.next = model->heads[head], .oldest = NOBODY, .newest = NOBODY
	};
	memcpy(model->flows[i].key, key, 24);
	model->heads[head] = i;
	return i;
}

bool model_is_ready(const struct model *model, const struct model_flow *flow)
{
	return flow->waiting > 0 && !(model->shape.rules.per_client && flow->running > 0);
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

static void change(struct model *model, struct model_flow *flow, int waiting, int running)
{
	model->ready -= model_is_ready(model, flow);
	flow->waiting += (unsigned)waiting;
	flow->running += (unsigned)running;
	model->ready += model_is_ready(model, flow);
}

/* --- letters */

static int64_t newest_arrived_ns(const struct model_flow *flow)
{
	return letter_at(flow->newest)->datagram->arrived_ns;
}

/* A flow that was put aside as stale, perhaps by a worker with a later clock, or when the settings
 * were others, stays so until it is heard from. */
static bool may_be_aside(const struct model *model, const struct model_flow *flow)
{
	if (flow->aside)
		return true;
	return model->latest_ns - model->since_ns >= model->least_interval_ns &&
	       newest_arrived_ns(flow) < model->latest_ns - model->least_interval_ns / STALE_PART;
}

void model_add(struct model *model, uint32_t number)
{
	struct letter *letter = letter_at(number);
	struct model_flow *flow = &model->flows[letter->flow];

	letter->state = LETTER_WAITING;
	flow->aside = false;
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
		flow->aside = may_be_aside(model, flow);
	*(older != NOBODY ? &letter_at(older)->newer : &model->oldest) = newer;
	*(newer != NOBODY ? &letter_at(newer)->older : &model->newest) = older;
	older = letter->flow_older;
	newer = letter->flow_newer;
	*(older != NOBODY ? &letter_at(older)->flow_newer : &flow->oldest) = newer;
	*(newer != NOBODY ? &letter_at(newer)->flow_older : &flow->newest) = older;
	letter->state = to_run ? LETTER_TAKEN : LETTER_DONE;
	model->count--;
	model->books.queued--;
	model->books.running += to_run;
	change(model, flow, -1, to_run);
}

void model_finish(struct model *model, uint32_t number)
{
	struct letter *letter = letter_at(number);

	letter->state = LETTER_DONE;
	model->books.running--;
	change(model, &model->flows[letter->flow], 0, -1);
}

/* --- the rules */

static int64_t coarse(int64_t ns)
{
	unsigned cut = 0;

	while (ns >> cut >= 1 << SERVED_BITS)
		cut++;
	return ns >> cut << cut;
}

/* Of those that are ready, is it the one that was served least, or were the others put aside? */
static bool is_least_served(const struct model *model, const struct model_flow *flow)
{
	int64_t served_ns = coarse(model_served(model, flow));

	for (uint32_t i = 0; i < model->flows_count; i++) {
		const struct model_flow *other = &model->flows[i];

		if (model_is_ready(model, other) &&
			coarse(model_served(model, other)) < served_ns &&
			!may_be_aside(model, other))
			return false;
	}
	return true;
}

/* A stale one is not next while there are fresher ones, unless too many are stale. */
static bool makes_way(const struct model *model, const struct model_flow *flow, int64_t now_ns)
{
	int64_t stale_ns = now_ns - model->settings.overload_interval_ns / STALE_PART;
	unsigned stale = 0, fresh = 0;

	if (newest_arrived_ns(flow) >= stale_ns)
		return false;
	for (uint32_t i = 0; i < model->flows_count; i++) {
		if (!model_is_ready(model, &model->flows[i]))
			continue;
		stale += newest_arrived_ns(&model->flows[i]) < stale_ns;
		fresh += !may_be_aside(model, &model->flows[i]);
	}
	return fresh > 0 && stale <= STALE_MAX;
}

/* Not empty for so long, and the oldest is stale. */
static bool is_overloaded(const struct model *model, int64_t now_ns)
{
	int64_t interval_ns = model->settings.overload_interval_ns;

	return now_ns - model->since_ns >= interval_ns &&
	       letter_at(model->oldest)->datagram->arrived_ns < now_ns - interval_ns / STALE_PART;
}

static void must_be_next_fair(
	struct model *model, uint32_t number, const struct model_flow *flow, int64_t now_ns)
{
	bool overloaded = is_overloaded(model, now_ns);
	bool newest = overloaded && !model->shape.rules.per_client;

	model->taken += overloaded;
	if (number == (newest ? flow->newest : flow->oldest) && is_least_served(model, flow) &&
		!(overloaded && makes_way(model, flow, now_ns)))
		return;
	must(overloaded,
		"letter %u is next, but another flow was served less, or it is not the "
		"oldest of its flow",
		number);
	must(number == (newest ? model->newest : flow->oldest) &&
			letter_at(number)->flow == letter_at(model->newest)->flow,
		"letter %u is next, by neither rule of an overloaded queue", number);
	model->strayed++;
	must(model->strayed <= model->taken / NEWEST_EVERY + 1,
		"letter %u: the newest is next more often than it may be", number);
}

void model_must_be_next(struct model *model, uint32_t number, int64_t now_ns)
{
	const struct letter *letter = letter_at(number);
	const struct model_flow *flow = &model->flows[letter->flow];

	if (now_ns > model->latest_ns)
		model->latest_ns = now_ns;
	must(letter->state == LETTER_WAITING, "letter %u: taken in state %d", number,
		letter->state);
	must(model_is_ready(model, flow), "letter %u: taken while its client's last one runs",
		number);
	if (model->shape.rules.per_client)
		must(number == flow->oldest, "letter %u: taken out of its client's order", number);
	if (model->shape.rules.discipline == BACKLOG_FAIR)
		must_be_next_fair(model, number, flow, now_ns);
	else if (!model->shape.rules.per_client)
		must(number == model->oldest, "letter %u: taken before an older one", number);
}

static unsigned length_of(const struct model_flow *flow)
{
	return flow->waiting < LENGTH_MAX ? flow->waiting : LENGTH_MAX;
}

bool model_is_victim(const struct model *model, uint32_t number, int64_t now_ns)
{
	const struct model_flow *flow = &model->flows[letter_at(number)->flow];
	unsigned longest = 0;

	if (letter_at(model->oldest)->expires_ns <= now_ns ||
		model->shape.rules.discipline == BACKLOG_FIFO)
		return number == model->oldest;
	for (uint32_t i = 0; i < model->flows_count; i++)
		if (length_of(&model->flows[i]) > longest)
			longest = length_of(&model->flows[i]);
	if (longest == 1)
		return number == model->oldest;
	return number == flow->oldest && length_of(flow) == longest;
}
