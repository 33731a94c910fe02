#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "queue/queue_internal.h"

static unsigned most_running(const struct queue_shape *shape)
{
	return shape->most_workers * QUEUE_BATCH_MAX;
}

size_t queue_bytes(const struct queue_shape *shape)
{
	return sizeof(struct queue) + backlog_bytes(shape->capacity, most_running(shape));
}

int queue_new(const struct queue_shape *shape, const struct queue_settings *settings,
	struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	int error;

	if (queue == NULL)
		return -ENOMEM;
	assert(shape->capacity > 0 && settings->max_workers > 0 &&
		settings->max_workers <= shape->most_workers);
	queue->shape = *shape;
	queue->settings = *settings;
	queue->helped = shape->helped;
	error = backlog_init(&queue->backlog, &shape->rules, shape->capacity, most_running(shape));
	if (error < 0) {
		free(queue);
		return error;
	}
	lock_init(&queue->lock);
	*ret_queue = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	assert(queue->shed.count == 0);
	backlog_destroy(&queue->backlog);
	lock_destroy(&queue->lock);
	free(queue);
}

void queue_configure(struct queue *queue, const struct queue_settings *settings)
{
	assert(settings->max_workers > 0);
	lock_take(&queue->lock);
	queue->settings = *settings;
	(void)queue_tell_wanting(queue);
	lock_release(&queue->lock);
}

/* Take it out of the queue, for this reason. */
void queue_drop(struct queue *queue, struct datagram *datagram, enum ledger_drop reason,
	struct datagram_list *to)
{
	bool keep = queue->shape.keeps_shed && queue->shed.count < QUEUE_SHED_MAX;

	backlog_drop(&queue->backlog, datagram);
	datagram_list_push(keep ? &queue->shed : to, datagram);
	queue->ledger.queued--;
	queue->ledger.dropped[reason]++;
}

/* Expired ones go first. */
static void make_room(struct queue *queue, int64_t now_ns, struct datagram_list *to)
{
	struct datagram *oldest = backlog_oldest(&queue->backlog);

	if (oldest->expires_ns <= now_ns) {
		queue_drop(queue, oldest, DROP_EXPIRED, to);
	} else {
		struct backlog_moment moment = queue_moment(queue, now_ns);

		queue_drop(queue, backlog_victim(&queue->backlog, &moment), DROP_QUEUE_FULL, to);
	}
}

static bool has_room_for(const struct queue *queue, const struct datagram_list *batch)
{
	return queue->backlog.count + batch->count <= queue->shape.capacity;
}

static void add(struct queue *queue, struct datagram_list *batch, int64_t now_ns)
{
	if (queue->backlog.count == 0)
		queue->empty_ns = now_ns;
	backlog_add(&queue->backlog, batch);
}

/* Those for which there is no room one by one: which has to go for one may be one before it. */
static void add_all(struct queue *queue, struct datagram_list *batch, int64_t now_ns,
	struct datagram_list *ret_dropped)
{
	int64_t max_wait_ns = queue->settings.max_wait_ns;

	for (struct datagram *d = batch->first; d != NULL; d = d->next) {
		d->expires_ns = max_wait_ns > 0 ? d->arrived_ns + max_wait_ns : INT64_MAX;
		d->flow = NULL;
		d->service_ns = 0;
	}
	if (!has_room_for(queue, batch))
		backlog_expect(&queue->backlog, batch);
	while (!has_room_for(queue, batch)) {
		struct datagram_list one = { 0 };

		datagram_list_push(&one, datagram_list_pop(batch));
		if (queue->backlog.count == queue->shape.capacity)
			make_room(queue, now_ns, ret_dropped);
		add(queue, &one, now_ns);
	}
	if (batch->count > 0)
		add(queue, batch, now_ns);
	if (queue->backlog.count > queue->queued_max)
		queue->queued_max = queue->backlog.count;
}

/* More than a worker can take at once will have to be sorted; those who take hold the lock for long
 * enough without that. */
static void sort_early(struct queue *queue, int64_t now_ns)
{
	if (queue->backlog.count > QUEUE_BATCH_MAX) {
		struct backlog_moment moment = queue_moment(queue, now_ns);

		backlog_sort(&queue->backlog, &moment);
	}
}

void queue_roll_window(struct queue *queue, int64_t now_ns)
{
	if (now_ns - queue->window_ns < queue->settings.fair_window_ns)
		return;
	queue->window_ns = now_ns;
	backlog_next_window(&queue->backlog);
}

/* Whoever pushes comes to help, but not while it has something to receive, be it what must not be
 * queued. */
static void note_pushed(struct queue *queue, int64_t now_ns)
{
	if (queue->passed_ns == 0 || queue->backlog.count == 0)
		queue->passed_ns = now_ns;
	queue->left = now_ns - queue->passed_ns > HELP_BACKLOG_NS;
}

bool queue_push(struct queue *queue, struct datagram_list *batch, const struct ledger *admission,
	int64_t now_ns, struct datagram_list *ret_dropped)
{
	bool wanted;

	backlog_prepare(&queue->backlog, batch);
	lock_take(&queue->lock);
	queue_roll_window(queue, now_ns);
	assert(!queue->closed || batch->count == 0);
	ledger_add(&queue->ledger, admission);
	queue->ledger.queued += batch->count;
	note_pushed(queue, now_ns);
	add_all(queue, batch, now_ns, ret_dropped);
	sort_early(queue, now_ns);
	wanted = queue_tell_wanting(queue);
	lock_release(&queue->lock);
	return wanted;
}

bool queue_end_help(struct queue *queue)
{
	bool wanted;

	lock_take(&queue->lock);
	queue->helped = false;
	wanted = queue_tell_wanting(queue);
	lock_release(&queue->lock);
	return wanted;
}

void queue_close(struct queue *queue)
{
	lock_take(&queue->lock);
	queue->closed = true;
	lock_release(&queue->lock);
}

void queue_discard(struct queue *queue, struct datagram_list *ret_dropped)
{
	lock_take(&queue->lock);
	while (queue->backlog.count > 0)
		queue_drop(queue, backlog_oldest(&queue->backlog), DROP_SHUTDOWN, ret_dropped);
	datagram_list_append(ret_dropped, &queue->shed);
	(void)queue_tell_wanting(queue);
	lock_release(&queue->lock);
}

void queue_snapshot(struct queue *queue, struct queue_report *ret_report)
{
	lock_take(&queue->lock);
	*ret_report = (struct queue_report){ queue->ledger, queue->queued_max, queue->mean_ns };
	lock_release(&queue->lock);
}
