#include "process/asked.h"

#include <errno.h>

#include "base/clock.h"
#include "base/sys.h"

void asked_begin_time(struct asked *asked, int64_t now_ns)
{
	asked->until_ns = now_ns + atomic_load(&asked->child->children->timeout_ms) * NS_PER_MS;
}

void asked_choose(struct asked *asked, unsigned window)
{
	struct children *children = asked->child->children;
	struct outside_batch *batch = asked->batch;
	int64_t now_ns = sys_monotonic_ns();

	for (unsigned i = 0; i < batch->count && asked->count < window; i++) {
		struct outside_request *request = &batch->requests[i];

		if (request->ended || !outside_may_run(batch, request, now_ns))
			continue;
		if (quarantine_refuses(&children->quarantine, request->datagram, now_ns))
			outside_drop(batch, request, DROP_QUARANTINED);
		else
			asked->requests[asked->count++] = request;
	}
	asked->child->requests += asked->count;
	asked_begin_time(asked, now_ns);
}

unsigned asked_left(const struct asked *asked)
{
	unsigned count = 0;

	for (unsigned i = 0; i < asked->count; i++)
		count += !asked->requests[i]->ended;
	return count;
}

static void note_victim(struct asked *asked, const struct datagram *job)
{
	struct child_victim *victim = &asked->child->victim;

	if (victim->unanswered++ > 0)
		return;
	victim->client = job->client;
	victim->bytes = job->length;
	victim->hash = quarantine_hash(&asked->child->children->quarantine, job);
}

static void note_guilt(struct asked *asked, const struct datagram *job)
{
	struct child *child = asked->child;

	if (!quarantine_note(&child->children->quarantine, child->victim.hash, sys_monotonic_ns()))
		return;
	log_event(asked->batch->worker->log, EVENT_QUARANTINED,
		LOG_FIELDS(log_text("service", child->children->program.service),
			log_addr("client", &job->client), log_uint("bytes", job->length),
			log_uint("hash", child->victim.hash)));
}

bool asked_settle(struct asked *asked, unsigned begun, bool certain, bool last)
{
	bool again = false;

	last |= certain || !atomic_load(&asked->child->children->rerun);
	for (unsigned i = 0; i < asked->count; i++) {
		struct outside_request *request = asked->requests[i];

		if (request->ended)
			continue;
		if (i < begun)
			note_victim(asked, request->datagram);
		if (outside_is_aborting(asked->batch)) {
			outside_drop(asked->batch, request, DROP_SHUTDOWN);
		} else if (i < begun && (last || request->length >= 0)) {
			if (certain)
				note_guilt(asked, request->datagram);
			outside_fail(asked->batch, request, FAIL_CHILD, ECHILD);
		} else {
			again |= i < begun;
		}
	}
	return again;
}

/* As long as any may be run. */
static int64_t last_expiry_ns(const struct outside_batch *batch)
{
	int64_t last_ns = 0;

	for (unsigned i = 0; i < batch->count; i++)
		if (!batch->requests[i].ended && batch->requests[i].datagram->expires_ns > last_ns)
			last_ns = batch->requests[i].datagram->expires_ns;
	return last_ns;
}

static void drop_late(struct outside_batch *batch)
{
	int64_t now_ns = sys_monotonic_ns();

	for (unsigned i = 0; i < batch->count; i++)
		if (!batch->requests[i].ended)
			(void)outside_may_run(batch, &batch->requests[i], now_ns);
}

void asked_run(struct children *children, struct outside_batch *batch,
	bool (*use)(struct child *child, struct outside_batch *batch, bool last))
{
	bool last = false;

	while (batch->left > 0) {
		struct child *child =
			children_take(children, batch->worker->number, last_expiry_ns(batch));

		if (child == NULL)
			drop_late(batch);
		else if (use(child, batch, last))
			last = true;
	}
}
