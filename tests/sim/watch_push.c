/* What the model does when the product pushes. */
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

/* One goes: the next of those that went. It may be told that the service is busy. */
static void make_room(struct model *model, int64_t now_ns, const struct datagram **next)
{
	bool expired = the_run->network.letters[model->oldest].expires_ns <= now_ns;
	uint32_t number;

	must(*next != NULL, "the queue holds more than its capacity");
	number = watch_number_of(*next);
	must(the_run->network.letters[number].state == LETTER_WAITING &&
			model_is_victim(model, number, now_ns),
		"letter %u went to make room, and another had to", number);
	*next = (*next)->next;
	watch_drop(model, number, expired ? DROP_EXPIRED : DROP_QUEUE_FULL);
	if (the_run->services[model->service].busy_replies)
		the_run->network.letters[number].state = LETTER_EVICTED;
}

static void queue_up(struct model *model, const struct datagram *datagram, int64_t now_ns)
{
	struct letter *letter = watch_letter_of(datagram);
	int64_t wait_ns = atomic_load(&the_run->services[model->service].max_wait_ns);

	letter->datagram = datagram;
	letter->flow = model_flow_of(model, letter);
	letter->expires_ns = datagram->arrived_ns + (wait_ns > 0 ? wait_ns : DATAGRAM_FOREVER_NS);
	must(datagram->expires_ns == letter->expires_ns, "letter %u: a wrong deadline",
		watch_number_of(datagram));
	if (model->count == 0)
		model->since_ns = now_ns;
	model_add(model, watch_number_of(datagram));
}

void __wrap_queue_push(struct queue *queue, struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns, struct datagram_list *ret_dropped)
{
	struct model *model = watch_model_of(queue);
	const struct datagram *coming[SOCKET_BATCH];
	unsigned count = 0, before;
	const struct datagram *gone;

	if (!the_run->checked) {
		__real_queue_push(queue, batch, admission, now_ns, ret_dropped);
		return;
	}
	must(ret_dropped->count == 0, "a push into a list that is not empty");
	watch_begin();
	before = model->count;
	watch_roll_window(model, now_ns);
	admit(model, batch, admission, now_ns);
	for (const struct datagram *d = batch->first; d != NULL; d = d->next)
		coming[count++] = d;
	__real_queue_push(queue, batch, admission, now_ns, ret_dropped);
	gone = ret_dropped->first;
	for (unsigned i = 0; i < count; i++) {
		if (model->count == model->limits.capacity)
			make_room(model, now_ns, &gone);
		queue_up(model, coming[i], now_ns);
	}
	must(gone == NULL, "more went than had to");
	must(watch_is_worker_needed(model) ||
			model->active_workers >= model->settings.max_workers ||
			before + count <= model->limits.capacity,
		"the queue of service %u is full, and needs no worker", model->service);
	watch_flows(model, &(struct datagram_list){ 0 });
	if (model->count > model->queued_max)
		model->queued_max = model->count;
	world_trace(&the_run->world, "push", model->service, count, model->count);
	watch_end();
}
