/* The rules: which of the letters that wait may be next, and which may go. */
#include "run.h"

/* The product's lists of flows by length end there: longer ones are equally long. */
#define LENGTH_MAX 65u

/* While overloaded, one of NEWEST_EVERY that are taken is the newest of all; a flow whose newest waited
 * for this part of the overload interval is aged; AGED_FLOWS_MAX are put aside at once. */
#define NEWEST_EVERY 3
#define AGED_PART 4
#define AGED_FLOWS_MAX 16

/* Of the served time the product's lists tell so many leading bits apart. */
#define SERVED_BITS 6

static struct letter *letter_at(uint32_t number)
{
	return &the_run->network.letters[number];
}

static int64_t newest_arrived_ns(const struct model_flow *flow)
{
	return letter_at(flow->newest)->datagram->arrived_ns;
}

/* A flow that was put aside as aged, perhaps by a worker with a later clock, or when the settings
 * were others, stays so until it is heard from. */
bool model_may_be_aside(const struct model *model, const struct model_flow *flow)
{
	if (flow->aside)
		return true;
	return model->latest_ns - model->since_ns >= model->least_interval_ns &&
	       newest_arrived_ns(flow) < model->latest_ns - model->least_interval_ns / AGED_PART;
}

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
			!model_may_be_aside(model, other))
			return false;
	}
	return true;
}

/* An aged one is not next while there are fresher ones, unless too many are aged. */
static bool makes_way(const struct model *model, const struct model_flow *flow, int64_t now_ns)
{
	int64_t aged_before_ns = now_ns - model->settings.overload_interval_ns / AGED_PART;
	unsigned aged = 0, fresh = 0;

	if (newest_arrived_ns(flow) >= aged_before_ns)
		return false;
	for (uint32_t i = 0; i < model->flows_count; i++) {
		if (!model_is_ready(model, &model->flows[i]))
			continue;
		aged += newest_arrived_ns(&model->flows[i]) < aged_before_ns;
		fresh += !model_may_be_aside(model, &model->flows[i]);
	}
	return fresh > 0 && aged <= AGED_FLOWS_MAX;
}

/* Not empty for so long, and the oldest is aged. */
static bool is_overloaded(const struct model *model, int64_t now_ns)
{
	int64_t interval_ns = model->settings.overload_interval_ns;

	return now_ns - model->since_ns >= interval_ns &&
	       letter_at(model->oldest)->datagram->arrived_ns < now_ns - interval_ns / AGED_PART;
}

static void must_be_next_fair(
	struct model *model, uint32_t number, const struct model_flow *flow, int64_t now_ns)
{
	bool overloaded = is_overloaded(model, now_ns);
	bool newest = overloaded && !model->limits.rules.per_client;

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

/* It was in no flow: alone or with all that wait, by age. */
static void must_be_oldest(const struct model *model, uint32_t number)
{
	must(!model->limits.rules.per_client,
		"letter %u: taken with all, though clients have an order", number);
	must(number == model->oldest, "letter %u: taken before an older one", number);
}

void model_must_be_next(struct model *model, uint32_t number, bool sorted, int64_t now_ns)
{
	const struct letter *letter = letter_at(number);
	const struct model_flow *flow = &model->flows[letter->flow];

	if (sorted && now_ns > model->latest_ns)
		model->latest_ns = now_ns;
	must(letter->state == LETTER_WAITING, "letter %u: taken in state %d", number,
		letter->state);
	must(model_is_ready(model, flow), "letter %u: taken while its client's last one runs",
		number);
	if (model->limits.rules.per_client)
		must(number == flow->oldest, "letter %u: taken out of its client's order", number);
	if (!sorted)
		must_be_oldest(model, number);
	else if (model->limits.rules.discipline == BACKLOG_FAIR)
		must_be_next_fair(model, number, flow, now_ns);
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
		model->limits.rules.discipline == BACKLOG_FIFO)
		return number == model->oldest;
	for (uint32_t i = 0; i < model->flows_count; i++)
		if (length_of(&model->flows[i]) > longest)
			longest = length_of(&model->flows[i]);
	if (longest == 1)
		return number == model->oldest;
	return number == flow->oldest && length_of(flow) == longest;
}
