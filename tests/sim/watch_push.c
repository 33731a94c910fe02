/* What the model does when the product pushes. */
#include <inttypes.h>
#include <string.h>

#include "run.h"
#include "watch.h"

/* The socket whose last batch the running task pushes. */
static struct sim_socket *pushing(const struct model *model)
{
	const struct task *task = the_run->world.running;

	for (unsigned i = 0; i < the_run->scenario.sockets_count; i++) {
		struct sim_socket *socket = &the_run->network.sockets[i];
		bool its_own = the_run->receiver_tasks[i] == task ||
			       the_run->receiver_tasks[i]->state == TASK_ENDED;

		if (socket->service == model->service && socket->received_count > 0 && its_own)
			return socket;
	}
	run_fail("a push of what was never received");
}

static void admit(struct model *model, const struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns)
{
	struct ledger expected = watch_admit(pushing(model), batch, now_ns);

	must(memcmp(&expected, admission, sizeof(expected)) == 0,
		"what was refused is not what had to be");
	ledger_add(&model->books, admission);
}

/* What is kept for a busy reply is not seen yet, but has no flow any more. In which order several
 * such went is a guess: a right one if there is any, else the newest. */
static uint32_t find_shed(const struct model *model, int64_t now_ns,
	const struct datagram *const left[], unsigned count)
{
	uint32_t found = NOBODY;

	while (count-- > 0) {
		uint32_t number = watch_number_of(left[count]);
		const struct letter *letter = &the_run->network.letters[number];

		if (left[count]->flow != NULL || letter->state != LETTER_WAITING || letter->given)
			continue;
		if (model_is_victim(model, number, now_ns))
			return number;
		if (found == NOBODY)
			found = number;
	}
	must(found != NOBODY, "the queue is full, and none went");
	return found;
}

/* One goes; `*next` are those that the queue has given back, in their order. */
static void make_room(struct model *model, int64_t now_ns, const struct datagram *const left[],
	unsigned count, const struct datagram **next)
{
	bool expired = the_run->network.letters[model->oldest].expires_ns <= now_ns;
	uint32_t number;

	if (model->shape.keeps_shed && model->shed < QUEUE_SHED_MAX) {
		number = find_shed(model, now_ns, left, count);
	} else {
		must(*next != NULL, "the queue holds more than its capacity");
		number = watch_number_of(*next);
		must(the_run->network.letters[number].state == LETTER_WAITING &&
				model_is_victim(model, number, now_ns),
			"letter %u went to make room, and another had to", number);
		*next = (*next)->next;
	}
	watch_drop(model, number, expired ? DROP_EXPIRED : DROP_QUEUE_FULL);
}

/* In which order equals were shed was not seen, so neither for which of two reasons. */
static void adopt_reasons(struct model *model)
{
	uint64_t *ours = model->books.dropped;
	const uint64_t *theirs;
	struct queue_report report;

	queue_snapshot(model->queue, &report);
	theirs = report.ledger.dropped;
	if (theirs[DROP_EXPIRED] + theirs[DROP_QUEUE_FULL] !=
		ours[DROP_EXPIRED] + ours[DROP_QUEUE_FULL])
		return;
	ours[DROP_EXPIRED] = theirs[DROP_EXPIRED];
	ours[DROP_QUEUE_FULL] = theirs[DROP_QUEUE_FULL];
}

/* A flow that was idle may have been forgotten, when there are many: then it starts anew. (It is not
 * seen with the first of a push that was dropped again.) */
static void meet(struct model *model, const struct datagram *datagram)
{
	struct model_flow *flow = &model->flows[watch_letter_of(datagram)->flow];
	uint64_t records = 2 * (uint64_t)model->shape.capacity;
	int64_t served_ns = model_served(model, flow);

	if (flow->waiting + flow->running == 0)
		flow->roused = model->pushes;
	if (datagram->flow == NULL || flow->roused != model->pushes ||
		datagram->flow->served_ns == served_ns)
		return;
	must(datagram->flow->served_ns == 0 && model->flows_count > records,
		"letter %u: its flow was served %" PRId64 ", not %" PRId64,
		watch_number_of(datagram), served_ns, datagram->flow->served_ns);
	model_charge(model, flow, -served_ns);
}

/* Those that wait and those that come, as they were before the push. */
static unsigned list_all(
	const struct model *model, const struct datagram_list *batch, const struct datagram *all[])
{
	unsigned count = 0;

	for (uint32_t i = model->oldest; i != NOBODY; i = the_run->network.letters[i].newer)
		all[count++] = the_run->network.letters[i].datagram;
	for (const struct datagram *d = batch->first; d != NULL; d = d->next)
		all[count++] = d;
	return count;
}

static void queue_up(struct model *model, const struct datagram *datagram, int64_t now_ns)
{
	struct letter *letter = watch_letter_of(datagram);
	int64_t wait_ns = model->settings.max_wait_ns;

	letter->datagram = datagram;
	letter->flow = model_flow_of(model, letter);
	letter->expires_ns = wait_ns > 0 ? datagram->arrived_ns + wait_ns : INT64_MAX;
	must(datagram->expires_ns == letter->expires_ns, "letter %u: a wrong deadline",
		watch_number_of(datagram));
	if (model->count == 0)
		model->since_ns = now_ns;
	meet(model, datagram);
	model_add(model, watch_number_of(datagram));
}

bool __wrap_queue_push(struct queue *queue, struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns, struct datagram_list *ret_dropped)
{
	struct model *model = watch_model_of(queue);
	const struct datagram *all[SCENARIO_CAPACITY_MAX + SOCKET_BATCH];
	unsigned count, before, shed, incoming = batch->count;
	bool wanted;
	const struct datagram *next;

	if (!the_run->checked)
		return __real_queue_push(queue, batch, admission, now_ns, ret_dropped);
	must(ret_dropped->count == 0, "a push into a list that is not empty");
	watch_begin();
	model->pushes++;
	before = model->count;
	shed = model->shed;
	watch_roll_window(model, now_ns);
	admit(model, batch, admission, now_ns);
	count = list_all(model, batch, all);
	wanted = __real_queue_push(queue, batch, admission, now_ns, ret_dropped);
	next = ret_dropped->first;
	for (const struct datagram *d = next; d != NULL; d = d->next)
		watch_letter_of(d)->given = true;
	for (unsigned i = before; i < count; i++) {
		if (model->count == model->shape.capacity)
			make_room(model, now_ns, all, i, &next);
		queue_up(model, all[i], now_ns);
	}
	must(next == NULL, "more went than had to");
	must(wanted || model->holders >= model->settings.max_workers ||
			before + incoming <= model->shape.capacity,
		"the queue of service %u is full, and no worker is wanted", model->service);
	if (model->shed > shed)
		adopt_reasons(model);
	if (model->count > model->queued_max)
		model->queued_max = model->count;
	world_trace(&the_run->world, "push", model->service, incoming, model->count);
	watch_end();
	return wanted;
}
