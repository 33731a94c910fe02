/* What the model sees of the product's flows. A letter that waits is not sorted at first. Once it is,
 * the product's record of its flow must say that this was served what the model says, then and
 * whenever the model looks again: after each push, and in each pop. */
#include <inttypes.h>

#include "queue/flow.h"
#include "run.h"
#include "watch.h"

static struct model_flow *flow_of(struct model *model, const struct datagram *datagram)
{
	return &model->flows[watch_letter_of(datagram)->flow];
}

/* A batch was charged before the model saw it go. */
static void note_ahead(struct model *model, const struct datagram_list *jobs)
{
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next)
		if (job->flow != NULL)
			flow_of(model, job)->ahead_ns += job->charged_ns;
}

static void note_even(struct model *model, const struct datagram_list *jobs)
{
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next)
		flow_of(model, job)->ahead_ns = 0;
}

/* While nothing of it is sorted a flow may be forgotten, where there are many. It starts anew, at
 * the latest now: some that were taken with all may have been charged since. */
static bool may_begin_anew(const struct model *model, const struct model_flow *flow)
{
	return flow->sorted == 0 && model->flows_count > 2 * model->limits.capacity;
}

static void must_be_served(
	const struct model *model, struct model_flow *flow, const struct datagram *datagram)
{
	const struct flow *record = datagram->flow;
	int64_t ours_ns = model_served(model, flow);
	int64_t theirs_ns = record->window == model->window ? record->served_ns : 0;
	bool anew;

	theirs_ns -= flow->ahead_ns;
	anew = theirs_ns >= 0 && theirs_ns < ours_ns && may_begin_anew(model, flow);
	must(theirs_ns == ours_ns || anew,
		"letter %u: its flow was served %" PRId64 ", not %" PRId64,
		watch_number_of(datagram), theirs_ns, ours_ns);
	if (!anew)
		return;
	model_charge(model, flow, theirs_ns - ours_ns);
	world_trace(&the_run->world, "anew", watch_number_of(datagram), ours_ns, theirs_ns);
}

/* Its letter is in a record. */
static void meet(struct model *model, const struct datagram *datagram)
{
	struct letter *letter = watch_letter_of(datagram);
	struct model_flow *flow = &model->flows[letter->flow];

	must(flow->sorted == 0 || flow->record == datagram->flow,
		"letter %u: its flow has two records", watch_number_of(datagram));
	must_be_served(model, flow, datagram);
	flow->record = datagram->flow;
	flow->sorted += !letter->sorted;
	letter->sorted = true;
}

void watch_flows(struct model *model, const struct datagram_list *jobs)
{
	const struct backlog_rules *rules = &model->limits.rules;
	bool has_flows = rules->discipline == BACKLOG_FAIR || rules->per_client;
	bool sorted = has_flows;

	note_ahead(model, jobs);
	for (uint32_t i = model->oldest; i != NOBODY; i = the_run->network.letters[i].newer) {
		const struct letter *letter = &the_run->network.letters[i];

		must(sorted || letter->datagram->flow == NULL,
			has_flows ? "letter %u: sorted before an older one"
				  : "letter %u: sorted for nothing",
			i);
		sorted = letter->datagram->flow != NULL;
		must(sorted || !letter->sorted, "letter %u: it has lost its flow", i);
		if (sorted)
			meet(model, letter->datagram);
	}
	note_even(model, jobs);
}
