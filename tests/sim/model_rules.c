/* The rules: which of the letters that wait may be next, and which may go. */
#include "run.h"

/* The product's lists of flows by length end there: longer ones are equally long. */
#define LENGTH_MAX 65u

/* While overloaded a flow whose newest waited for this part of the overload interval is aged; AGED_FLOWS_MAX are put
 * aside at once. */
#define AGED_PART 4
#define AGED_FLOWS_MAX 16

/* Of the served time the product's lists tell so many leading bits apart. */
#define SERVED_BITS 6

/* In turn, while overloaded: by networks, by chance, by networks, and by addresses. */
enum turn { BY_NETWORK, BY_CHANCE, BY_NETWORK_AGAIN, BY_ADDRESS, TURNS };

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
	if (flow->aside || flow->over)
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

/* The same for networks. Where there are more flows than the product remembers, it may have forgotten what some were
 * served. */
static bool is_least_served_network(const struct model *model, const struct model_flow *flow)
{
	int64_t served_ns = coarse(model_network_served(model, flow));

	if (model->flows_count > 2 * model->limits.capacity)
		return true;
	for (uint32_t i = 0; i < model->flows_count; i++) {
		const struct model_flow *other = &model->flows[i];

		if (model_is_ready(model, other) &&
			coarse(model_network_served(model, other)) < served_ns &&
			!model_may_be_aside(model, other))
			return false;
	}
	return true;
}

/* Is one of its letters not aged? */
static bool is_fresh(const struct model_flow *flow, int64_t aged_before_ns)
{
	for (uint32_t i = flow->newest; i != NOBODY; i = letter_at(i)->flow_older)
		if (letter_at(i)->datagram->arrived_ns >= aged_before_ns)
			return true;
	return false;
}

/* An aged one is not next while there are fresher ones, unless too many are aged. */
static bool makes_way(const struct model *model, const struct model_flow *flow, int64_t now_ns)
{
	int64_t aged_before_ns = now_ns - model->settings.overload_interval_ns / AGED_PART;
	unsigned aged = 0, fresh = 0;

	if (is_fresh(flow, aged_before_ns))
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

/* Has its source used up its limits, while another that has not is ready? */
static bool makes_way_within_limits(const struct model *model, const struct model_flow *flow)
{
	for (uint32_t i = 0; flow->over && i < model->flows_count; i++)
		if (model_is_ready(model, &model->flows[i]) &&
			!model_may_be_aside(model, &model->flows[i]))
			return true;
	return false;
}

/* Is it this flow's turn? */
static bool is_its_turn(const struct model *model, const struct model_flow *flow, int64_t now_ns)
{
	int64_t aged_before_ns = now_ns - model->settings.overload_interval_ns / AGED_PART;

	if (makes_way_within_limits(model, flow))
		return false;
	if (!is_overloaded(model, now_ns))
		return is_least_served(model, flow);
	if (makes_way(model, flow, now_ns))
		return false;
	switch ((enum turn)(model->turns % TURNS)) {
	case BY_NETWORK:
	case BY_NETWORK_AGAIN:
		return is_least_served_network(model, flow);
	case BY_CHANCE:
		return is_least_served(model, flow) || is_fresh(flow, aged_before_ns);
	default:
		return is_least_served(model, flow);
	}
}

static void must_be_next_fair(
	struct model *model, uint32_t number, const struct model_flow *flow, int64_t now_ns)
{
	bool newest = is_overloaded(model, now_ns) && !model->limits.rules.per_client;

	must(number == (newest ? flow->newest : flow->oldest),
		"letter %u is next, but it is not the %s of its flow", number,
		newest ? "newest" : "oldest");
	must(is_its_turn(model, flow, now_ns), "letter %u is next, not by the rule of turn %u",
		number, model->turns % TURNS);
	model->turns++;
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
