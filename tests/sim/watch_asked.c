/* What the model makes of requests that children are asked: of which a child's end costs, which run again, and which are
 * refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "process/asked.h"
#include "run.h"
#include "watch.h"

#define DEATHS 2
#define REFUSED_NS (60 * NS_PER_S)

/* NOLINTBEGIN(bugprone-reserved-identifier) */
int64_t __real_outside_run(struct worker *worker, struct service *service,
	struct datagram_list *jobs, int64_t now_ns, struct ledger *ret_results);
int64_t __wrap_outside_run(struct worker *worker, struct service *service,
	struct datagram_list *jobs, int64_t now_ns, struct ledger *ret_results);
void __real_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more);
void __wrap_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more);
void __real_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error);
void __wrap_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error);
void __real_asked_choose(struct asked *asked, unsigned window);
void __wrap_asked_choose(struct asked *asked, unsigned window);
void __real_children_give(struct child *child);
void __wrap_children_give(struct child *child);
void __real_children_give_up(struct child *child);
void __wrap_children_give_up(struct child *child);
bool __real_quarantine_note(struct quarantine *quarantine, uint64_t hash, int64_t now_ns);
bool __wrap_quarantine_note(struct quarantine *quarantine, uint64_t hash, int64_t now_ns);
bool __real_quarantine_refuses(
	struct quarantine *quarantine, const struct datagram *request, int64_t now_ns);
bool __wrap_quarantine_refuses(
	struct quarantine *quarantine, const struct datagram *request, int64_t now_ns);

static bool is_aborting(void)
{
	return atomic_load(&the_run->shared.aborting);
}

static struct letter *letter_at(uint32_t number)
{
	return &the_run->network.letters[number];
}

/* --- the batch */

int64_t __wrap_outside_run(struct worker *worker, struct service *service,
	struct datagram_list *jobs, int64_t now_ns, struct ledger *ret_results)
{
	struct task *task = the_run->world.running;
	int64_t end_ns;

	task->in_handler = true;
	task->runs_again = false;
	end_ns = __real_outside_run(worker, service, jobs, now_ns, ret_results);
	task->in_handler = false;
	task->unread = true;
	return end_ns;
}

/* Which letter the reply answers shows where it is sent. */
void __wrap_outside_reply(struct outside_batch *batch, struct outside_request *request,
	const void *data, size_t length, bool more)
{
	uint32_t number = watch_number_of(request->datagram);

	must(letter_at(number)->runs == 1 && letter_at(number)->outcome == (ssize_t)length,
		"letter %u: answered by what no child said", number);
	letter_at(number)->began = ++the_run->network.begun;
	network_put(&the_run->network, batch->answer.replies->next_buffer, number);
	__real_outside_reply(batch, request, data, length, more);
}

void __wrap_outside_fail(struct outside_batch *batch, struct outside_request *request,
	enum ledger_failure failure, int error)
{
	struct letter *letter = watch_letter_of(request->datagram);

	if (failure == FAIL_CHILD)
		letter->cost = true;
	__real_outside_fail(batch, request, failure, error);
}

/* --- what is asked, and heard */

static void must_be_for_now(struct letter *letter, const struct model *model, int64_t now_ns)
{
	uint32_t number = (uint32_t)(letter - the_run->network.letters);
	struct model_flow *flow = &model->flows[letter->flow];

	must(letter->state == LETTER_TAKEN && letter->runs == 0 && !letter->cost,
		"letter %u: asked in state %d, after it ended", number, letter->state);
	must(letter->expires_ns > now_ns, "letter %u: asked after its deadline", number);
	must(letter->asked || !model->limits.rules.per_client || flow->ran < letter->sequence,
		"letter %u: asked after a later one of its client", number);
	flow->ran = letter->sequence;
	letter->asked = true;
}

void __wrap_asked_choose(struct asked *asked, unsigned window)
{
	struct process *process = process_of(asked->child);
	struct talk_seen *talk = &process->talk;
	const struct task *task = the_run->world.running;
	unsigned most = task->runs_again ? 1 : process->like->window;
	int64_t now_ns = the_run->world.now_ns;
	bool aborting = is_aborting();

	must(talk->count == 0, "a child is asked by two");
	must(process->asked_read == process->asked_size || !process->alive,
		"a child that has not read all is asked more");
	process->asked_read = process->asked_size = 0;
	__real_asked_choose(asked, window);
	*talk = (struct talk_seen){ .count = asked->count, .first_id = asked->child->next_id };
	talk->first = talk->count > 0 ? asked->requests[0]->datagram : NULL;
	must(!aborting || talk->count == 0, "asked though the server aborts");
	must(talk->count == (asked->batch->left < most ? asked->batch->left : most),
		"%u of %u are asked where %u may be", talk->count, asked->batch->left, most);
	for (unsigned i = 0; i < talk->count; i++) {
		talk->letters[i] = watch_number_of(asked->requests[i]->datagram);
		must_be_for_now(letter_at(talk->letters[i]),
			watch_model_of(asked->batch->service->queue), now_ns);
	}
	world_trace(&the_run->world, "ask", process->number, talk->count, task->runs_again);
}

void watch_heard(struct process *process)
{
	struct talk_seen *talk = &process->talk;

	while (process->utterances_heard < process->utterances_count &&
		process->utterances[process->utterances_heard].end <= process->said_read) {
		const struct utterance *heard = &process->utterances[process->utterances_heard++];
		uint64_t index = heard->id - talk->first_id;
		struct letter *letter;

		if (talk->stray || index >= talk->count) {
			talk->stray = true;
			continue;
		}
		letter = letter_at(talk->letters[index]);
		talk->answered[index] = true;
		letter->runs = 1;
		letter->outcome = heard->outcome;
	}
	if (process->said_read == process->said_size && process->alive) {
		process->said_read = process->said_size = 0;
		process->utterances_heard = process->utterances_count = 0;
	}
}

/* --- the end */

static void must_be_fate(uint32_t number, bool lost)
{
	struct letter *letter = letter_at(number);

	must(letter->cost || !lost || is_aborting(),
		"letter %u: its child ended, and it is not failed", number);
	must(!letter->cost || lost, "letter %u: failed, though it may run again", number);
	if (!letter->cost)
		return;
	letter->runs = 1;
	letter->outcome = -ECHILD;
	world_trace(&the_run->world, "cost", number, 0, 0);
}

/* Its child is given up: which of its requests are failed? */
static void settle(struct process *process)
{
	struct talk_seen *talk = &process->talk;
	struct task *task = the_run->world.running;
	unsigned begun = process_begun(process);
	bool certain = talk->count == 1 && !talk->stray;
	bool last = certain || task->runs_again || !process->like->rerun;
	bool guilty = certain && begun > 0 && !talk->answered[0];

	must(process->child->fault != CHILD_ENDED || process->said_read == process->said_size,
		"a dead child is given up before all of its answers were read");
	for (unsigned i = 0; i < talk->count; i++) {
		bool lost = i < begun && !talk->answered[i];

		if (!talk->answered[i])
			must_be_fate(talk->letters[i], lost && last);
		task->runs_again |= lost && !last;
	}
	must(talk->noted == guilty || (is_aborting() && !talk->noted),
		"letter %u: held against its source, or not, wrongly", talk->letters[0]);
	world_trace(&the_run->world, "give up", process->number, talk->count, task->runs_again);
	talk->count = 0;
	process->plans++; /* nobody hears what it does now */
}

void __wrap_children_give(struct child *child)
{
	struct talk_seen *talk = &process_of(child)->talk;

	for (unsigned i = 0; i < talk->count; i++)
		must(talk->answered[i], "letter %u: its child is free before it answered",
			talk->letters[i]);
	must(!talk->stray, "a child that said what it was not asked goes on");
	talk->count = 0;
	__real_children_give(child);
}

void __wrap_children_give_up(struct child *child)
{
	settle(process_of(child));
	__real_children_give_up(child);
}

/* --- who is refused */

static struct suspect *suspect_of(const struct model *model, const struct datagram *request)
{
	for (unsigned i = 0; i < model->suspects_count; i++) {
		struct suspect *suspect = &model->suspects[i];

		if (suspect->length == request->length &&
			memcmp(suspect->data, request->data, request->length) == 0 &&
			suspect->client.sa.sa_family == request->client.sa.sa_family &&
			addr_same_host(&suspect->client, &request->client))
			return suspect;
	}
	return NULL;
}

static void add_suspect(struct model *model, const struct datagram *request)
{
	struct suspect *suspect;

	model->suspects =
		realloc(model->suspects, (model->suspects_count + 1) * sizeof(*model->suspects));
	if (model->suspects == NULL)
		abort();
	suspect = &model->suspects[model->suspects_count++];
	*suspect = (struct suspect){ .client = request->client, .length = request->length };
	memcpy(suspect->data, request->data, request->length);
}

/* The talk of the running worker that has come to its end. */
static struct talk_seen *own_talk(struct quarantine *quarantine)
{
	const struct children *children = LINK_OWNER(quarantine, struct children, quarantine);
	unsigned own = 0;

	while (the_run->worker_tasks[own] != the_run->world.running)
		own++;
	for (unsigned i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &the_run->processes[i];

		if (process->child != NULL && process->child->children == children &&
			process->talk.count > 0 && process->child->worker == own)
			return &process->talk;
	}
	run_fail("a source is blamed by a worker that asks no child");
}

bool __wrap_quarantine_note(struct quarantine *quarantine, uint64_t hash, int64_t now_ns)
{
	struct talk_seen *talk = own_talk(quarantine);
	const struct letter *letter = letter_at(talk->letters[0]);
	struct model *model = &the_run->models[the_run->network.sockets[letter->socket].service];
	struct suspect *suspect;
	bool refused;

	must(hash == quarantine_hash(quarantine, talk->first), "another request is blamed");
	talk->noted = true;
	if (suspect_of(model, talk->first) == NULL)
		add_suspect(model, talk->first);
	watch_begin();
	refused = __real_quarantine_note(quarantine, hash, now_ns);
	suspect = suspect_of(model, talk->first); /* another worker may have added one meanwhile */
	suspect->deaths = now_ns - suspect->since_ns < REFUSED_NS ? suspect->deaths + 1 : 1;
	suspect->since_ns = now_ns;
	must(refused == (suspect->deaths >= DEATHS) || model->suspects_count > QUARANTINE_ENTRIES,
		"a source is refused after %u deaths", suspect->deaths);
	watch_end();
	return refused;
}

bool __wrap_quarantine_refuses(
	struct quarantine *quarantine, const struct datagram *request, int64_t now_ns)
{
	const unsigned socket = watch_letter_of(request)->socket;
	const struct model *model = &the_run->models[the_run->network.sockets[socket].service];
	const struct suspect *suspect;
	bool refused, due;

	watch_begin();
	refused = __real_quarantine_refuses(quarantine, request, now_ns);
	suspect = suspect_of(model, request);
	due = suspect != NULL && suspect->deaths >= DEATHS &&
	      now_ns - suspect->since_ns < REFUSED_NS;
	must(refused == due || (!refused && model->suspects_count > QUARANTINE_ENTRIES),
		"letter %u: refused, or not, wrongly", watch_number_of(request));
	watch_letter_of(request)->refused |= refused; /* which may have moved meanwhile */
	if (refused)
		world_trace(&the_run->world, "refuse", watch_number_of(request), 0, 0);
	watch_end();
	return refused;
}
/* NOLINTEND(bugprone-reserved-identifier) */
