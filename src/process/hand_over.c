/* DESIGN: a child runs the requests of a window in their order, and marks each before it begins. So when it ends it is
 * certain which one is guilty: those before it have their results, and those after it run in the next child. Only if
 * the child has written what cannot be true nothing that it says is certain. One that is given up may run on until it
 * is killed, so what it has not begun is no longer asked.
 *
 * A child rings when all is done, and between requests when its last ring, or the begin of the window, is a while ago. A
 * worker that was rung, or has handed over a window, also looks without being rung, once after a millisecond, because
 * what is done must not wait for a slow one behind it.
 *
 * Each request has child.timeout_ms, from when the worker has seen the result of the one before it, and once more if
 * that is over when the worker comes back to a child that waits for its host. */
#include "process/hand_over.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/asked.h"

_Static_assert(SHARED_WINDOW == CHILDREN_WINDOW_MAX, "a window is what can be asked at once");

struct talk {
	struct asked asked;
	struct shared *shared;
	unsigned taken;	 /* of the results */
	bool looks_soon; /* without being rung */
	bool renewed;	 /* the time of the first without a result */
	bool over;	 /* nothing more will come */
};

static void write_request(const struct talk *talk, unsigned index)
{
	const struct datagram *job = talk->asked.requests[index]->datagram;
	struct shared_slot *slot = &talk->shared->page->slots[index];

	slot->client = job->client;
	slot->local = job->local;
	slot->addr_bytes = job->addr_bytes;
	slot->arrived = job->timestamp;
	slot->length = job->length;
	memcpy(shared_request(talk->shared, index), job->data, job->length);
}

static void hand_requests(struct talk *talk)
{
	struct shared_page *page = talk->shared->page;

	if (talk->asked.count == 0)
		return;
	for (unsigned i = 0; i < talk->asked.count; i++)
		write_request(talk, i);
	atomic_store(&page->begun, 0);
	atomic_store(&page->done, 0);
	atomic_store(&page->asked, talk->asked.count);
	atomic_fetch_add_explicit(&page->rounds, 1, memory_order_release);
	shared_ring(talk->asked.child->fd);
}

static void end_talk(struct talk *talk, const char *reason)
{
	children_blame(talk->asked.child, CHILD_BAD, reason);
	talk->over = true;
}

static void take_result(struct talk *talk, unsigned index)
{
	struct outside_batch *batch = talk->asked.batch;
	struct outside_request *request = talk->asked.requests[index];
	int32_t result =
		atomic_load_explicit(&talk->shared->page->results[index], memory_order_relaxed);

	if (result > (int64_t)talk->shared->reply_bytes || result < SHARED_REFUSED) {
		end_talk(talk, "claimed to have written more than there is room for");
		return;
	}
	talk->taken++;
	talk->renewed = false;
	talk->asked.child->answers++;
	if (result >= 0)
		outside_reply(
			batch, request, shared_reply(talk->shared, index), (size_t)result, false);
	else if (result == DGRAM_NO_REPLY)
		outside_end(batch, request);
	else if (result == SHARED_REFUSED)
		outside_drop(batch, request, DROP_VERIFY);
	else if (result == HANDLER_REPLY_TOO_LONG)
		outside_fail(batch, request, FAIL_REPLY_SIZE, EMSGSIZE);
	else
		outside_fail(batch, request, FAIL_HANDLER, -result);
}

static void take_results(struct talk *talk)
{
	uint32_t done = atomic_load_explicit(&talk->shared->page->done, memory_order_acquire);

	if (done > talk->asked.count || done < talk->taken)
		end_talk(talk, "answered what it was not asked");
	if (!talk->over && talk->taken < done && done < talk->asked.count)
		asked_begin_time(&talk->asked, sys_monotonic_ns());
	while (!talk->over && talk->taken < done)
		take_result(talk, talk->taken);
}

/* As a handler that runs here would have it done. */
static int do_call(struct talk *talk, const struct handler_call *call)
{
	struct outside_request *request = talk->asked.requests[talk->taken];
	struct handler_request lent;
	int result;

	outside_lend(talk->asked.batch, request, &lent);
	result = handler_do(&lent, call);
	outside_return(talk->asked.batch, request);
	return result;
}

/* A call is the first's that has no result. So it is looked for before the results: a child that waits for us writes no
 * more of them, but one that ran while we took them may have gone on to a later request, which calls. */
static void listen_to(struct talk *talk)
{
	bool called = shared_is_called(talk->shared);
	struct shared_said said;
	const char *fault = NULL;

	take_results(talk);
	if (talk->over || !called)
		return;
	if (talk->taken == talk->asked.count)
		fault = "asked for what there is not";
	else
		fault = shared_hear(talk->shared, &said);
	if (fault != NULL) {
		end_talk(talk, fault);
		return;
	}
	shared_answer(talk->shared, do_call(talk, &said.call));
	shared_ring(talk->asked.child->fd);
}

/* False: the one that it runs takes too long. */
static bool wait_for_results(struct talk *talk, bool *ret_dead)
{
	struct pollfd polled[] = {
		{ .fd = talk->shared->fds[1], .events = POLLIN },
		{ .fd = talk->asked.child->process.pidfd, .events = POLLIN },
	};
	int64_t left_ns = talk->asked.until_ns - sys_monotonic_ns();

	if (left_ns <= 0)
		return false;
	if (talk->looks_soon && left_ns > NS_PER_MS)
		left_ns = NS_PER_MS;
	talk->looks_soon = sys_wait(polled, 2, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS)) > 0;
	if (polled[0].revents != 0)
		shared_hush(talk->shared);
	*ret_dead = polled[1].revents != 0;
	return true;
}

/* What it has done while the worker was away counts, and so does that it waits for the worker. */
static void end_late(struct talk *talk)
{
	unsigned taken = talk->taken;

	if (!talk->renewed && shared_is_called(talk->shared)) {
		asked_begin_time(&talk->asked, sys_monotonic_ns());
		listen_to(talk);
		talk->renewed = true;
		return;
	}
	take_results(talk);
	if (talk->over || talk->taken > taken)
		return;
	children_blame(talk->asked.child, CHILD_LATE, "did not answer within child.timeout_ms");
	talk->over = true;
}

static void see_through(struct talk *talk)
{
	bool dead = false;

	while (talk->taken < talk->asked.count && !talk->over) {
		outside_flush(talk->asked.batch);
		if (wait_for_results(talk, &dead)) {
			listen_to(talk);
			talk->over |= dead;
		} else {
			end_late(talk);
		}
	}
}

/* One that is late still runs, so it may have done more since the worker looked, but all before the one that it has
 * begun is done. If it has, that one is not the one that was late. */
static bool settle_talk(struct talk *talk, bool last)
{
	struct shared_page *page = talk->shared->page;
	unsigned taken = talk->taken;
	bool bad = talk->asked.child->fault == CHILD_BAD;
	bool certain;
	uint32_t begun;

	atomic_store(&page->asked, 0);
	begun = atomic_load(&page->begun);
	if (talk->asked.child->fault == CHILD_LATE) {
		talk->over = false;
		take_results(talk);
	}
	bad |= begun > talk->taken + 1; /* which cannot be true */
	if (begun > talk->asked.count)
		begun = talk->asked.count;
	if (talk->asked.child->fault == CHILD_BAD && begun == talk->taken)
		begun++;
	certain = talk->asked.count == 1 || (!bad && talk->taken == taken);
	return asked_settle(&talk->asked, begun, certain, last);
}

/* With a child, until it has done all, or to its end. Returns whether any that may be guilty is run again. */
static bool use_memory(struct child *child, struct outside_batch *batch, bool last)
{
	struct talk talk = { .asked = { .child = child, .batch = batch },
		.shared = &child->shared,
		.looks_soon = true };
	bool again;

	asked_choose(&talk.asked, last ? 1 : SHARED_WINDOW);
	hand_requests(&talk);
	see_through(&talk);
	if (talk.taken == talk.asked.count && child->fault != CHILD_BAD) {
		children_give(child);
		return false;
	}
	again = settle_talk(&talk, last);
	children_give_up(child);
	return again;
}

void hand_over_run(struct outside *outside, struct outside_batch *batch)
{
	asked_run((struct children *)outside, batch, use_memory);
}
