/* DESIGN: a worker writes its batch, at most a window, to one child, and reads until all is answered or the child is
 * given up. It never waits for room in the stream without reading, because the child may wait for that.
 *
 * What a child has said before its end counts: EPIPE only ends the writing, and the reading goes on to the end of the
 * stream. Of a dead child whose stream somebody else has open (its pidfd tells) that is when there is nothing more.
 *
 * The oldest open question has child.timeout_ms from when it became that: each of those that are answered in their order
 * has so long, and the last of n in whatever order n times that. */
#include "process/stream.h"

#include <errno.h>

#include "base/clock.h"
#include "base/sys.h"
#include "process/asked.h"

struct talk {
	struct asked asked;
	uint64_t first_id;
	unsigned oldest; /* that is open */
	bool over;	 /* nothing more will come */
	bool stray;	 /* it is not the fault of what was asked now */

	/* What is not written yet, so many a request. */
	struct iovec vectors[2 * CHILDREN_WINDOW_MAX];
	unsigned vectors_each, vectors_count, vector;
	bool begun; /* the first of these is written in part */
	uint8_t heads[CHILDREN_WINDOW_MAX][FRAME_HEAD_MAX];
};

/* --- what is asked */

static uint64_t realtime_ns(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
}

static void add_question(struct talk *talk, unsigned index, const struct datagram *job)
{
	const int64_t left_ns = job->expires_ns - job->arrived_ns;
	const uint64_t arrival_ns = realtime_ns(&job->timestamp);
	const struct frame_question question = {
		.id = talk->first_id + index,
		.client = &job->client,
		.local = &job->local,
		.arrival_ns = arrival_ns,
		.deadline_ns = left_ns >= DATAGRAM_FOREVER_NS ? 0 : arrival_ns + (uint64_t)left_ns,
		.data = job->data,
		.size = job->length,
	};
	struct iovec *vector = &talk->vectors[talk->vectors_count];
	struct child *child = talk->asked.child;

	if (child->asked != NULL) {
		vector[0] = (struct iovec){ child->asked, frame_text_ask(&question, child->asked) };
	} else {
		uint8_t *head = talk->heads[index];

		vector[0] = (struct iovec){ head, frame_binary_ask(&question, head) };
		vector[1] = (struct iovec){ (void *)(uintptr_t)job->data, job->length };
	}
	talk->vectors_count += talk->vectors_each;
}

static void add_questions(struct talk *talk)
{
	for (unsigned i = 0; i < talk->asked.count; i++)
		add_question(talk, i, talk->asked.requests[i]->datagram);
	talk->asked.child->next_id += talk->asked.count;
}

static bool has_more(const struct talk *talk)
{
	return talk->vector < talk->vectors_count;
}

static void skip_written(struct talk *talk, size_t bytes)
{
	while (has_more(talk) && bytes >= talk->vectors[talk->vector].iov_len)
		bytes -= talk->vectors[talk->vector++].iov_len;
	talk->begun = bytes > 0 || talk->vector % talk->vectors_each != 0;
	if (bytes > 0) {
		struct iovec *vector = &talk->vectors[talk->vector];

		vector->iov_base = (char *)vector->iov_base + bytes;
		vector->iov_len -= bytes;
	}
}

static unsigned whole_count(const struct talk *talk)
{
	return talk->vector / talk->vectors_each;
}

/* Until the stream is full, or nobody reads it any more. */
static void write_questions(struct talk *talk)
{
	ssize_t sent = 1;

	while (has_more(talk) && sent > 0) {
		const struct msghdr message = {
			.msg_iov = &talk->vectors[talk->vector],
			.msg_iovlen = talk->vectors_count - talk->vector,
		};

		sent = sendmsg(talk->asked.child->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent > 0)
			skip_written(talk, (size_t)sent);
		else if (sent < 0 && errno == EINTR)
			sent = 1;
		else if (sent < 0 && errno != EAGAIN)
			talk->vectors_count = talk->vector;
	}
}

/* --- what is answered */

static void break_off(struct talk *talk, const char *reason)
{
	children_blame(talk->asked.child, CHILD_BAD, reason);
	talk->over = true;
}

static void log_reported(struct talk *talk, const struct frame *frame, const union addr *client)
{
	struct child *child = talk->asked.child;
	uint64_t suppressed;

	if (log_limit_pass(&child->error_limit, sys_monotonic_ns(), &suppressed))
		log_event(talk->asked.batch->worker->log, EVENT_CHILD_ERROR,
			LOG_FIELDS(log_text("service", child->children->program.service),
				log_int("pid", child->process.pid), log_addr("client", client),
				log_bytes("reason", frame->data, frame->size),
				log_uint("suppressed", suppressed)));
}

/* A request that was not even written has no answer. */
static void take_frame(struct talk *talk, const struct frame *frame)
{
	uint64_t index = frame->id - talk->first_id;
	struct outside_request *request;

	if (index >= whole_count(talk) || talk->asked.requests[index]->ended) {
		talk->stray = true;
		break_off(talk, "answered what it was not asked");
		return;
	}
	request = talk->asked.requests[index];
	if (frame->kind == FRAME_ANSWER) {
		outside_reply(talk->asked.batch, request, frame->data, frame->size, frame->more);
	} else if (frame->kind == FRAME_NO_REPLY) {
		outside_end(talk->asked.batch, request);
	} else {
		log_reported(talk, frame, &request->datagram->client);
		outside_fail(talk->asked.batch, request, FAIL_HANDLER, EREMOTEIO);
	}
	talk->asked.child->answers += request->ended;
}

static void take_frames(struct talk *talk)
{
	enum frame_verdict verdict = FRAME_WHOLE;
	struct frame frame;

	while (verdict == FRAME_WHOLE && !talk->over) {
		verdict = frame_reader_next(&talk->asked.child->reader, &frame);
		if (verdict == FRAME_WHOLE)
			take_frame(talk, &frame);
		else if (verdict != FRAME_PARTIAL)
			break_off(talk, frame_explain(verdict));
	}
}

static void renew_time(struct talk *talk)
{
	unsigned oldest = talk->oldest;

	while (oldest < talk->asked.count && talk->asked.requests[oldest]->ended)
		oldest++;
	if (oldest > talk->oldest)
		asked_begin_time(&talk->asked, sys_monotonic_ns());
	talk->oldest = oldest;
}

/* Whether there was anything. */
static bool read_answers(struct talk *talk)
{
	struct frame_reader *reader = &talk->asked.child->reader;
	size_t room;
	uint8_t *space = frame_reader_space(reader, &room);
	ssize_t got = recv(talk->asked.child->fd, space, room, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got > 0) {
		frame_reader_add(reader, (size_t)got);
		take_frames(talk);
		renew_time(talk);
	} else {
		talk->over = true;
	}
	return true;
}

/* False: the oldest of them takes too long. */
static bool await(const struct talk *talk, bool *ret_dead)
{
	struct pollfd polled[] = {
		{ .fd = talk->asked.child->fd, .events = POLLIN },
		{ .fd = talk->asked.child->process.pidfd, .events = POLLIN },
	};
	int64_t left_ns = talk->asked.until_ns - sys_monotonic_ns();

	if (left_ns <= 0)
		return false;
	if (has_more(talk))
		polled[0].events |= POLLOUT;
	(void)sys_wait(polled, 2, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
	*ret_dead = polled[1].revents != 0;
	return true;
}

/* What it has answered while the worker was away counts. */
static void judge_late(struct talk *talk)
{
	unsigned left = asked_left(&talk->asked);

	if (read_answers(talk) && (talk->over || asked_left(&talk->asked) < left))
		return;
	children_blame(talk->asked.child, CHILD_LATE, "did not answer within child.timeout_ms");
	talk->over = true;
}

static void converse(struct talk *talk)
{
	struct asked *asked = &talk->asked;
	bool dead = false;

	take_frames(talk); /* what it said unasked */
	while (asked_left(asked) > 0 && !talk->over) {
		write_questions(talk);
		outside_flush(asked->batch);
		if (!await(talk, &dead))
			judge_late(talk);
		else if (!read_answers(talk) && dead)
			talk->over = true;
	}
}

/* With a child, until it has answered all of a window, or to its end. What it can have read of that it may have run.
 * Returns whether any is run again: then `last` is true the next time, and the window 1. */
static bool use(struct child *child, struct outside_batch *batch, bool last)
{
	struct talk talk = {
		.asked = { .child = child, .batch = batch },
		.first_id = child->next_id,
		.vectors_each = child->asked != NULL ? 1 : 2,
	};
	bool again;

	asked_choose(&talk.asked, last ? 1 : child->children->window);
	add_questions(&talk);
	converse(&talk);
	if (!talk.over) {
		children_give(child);
		return false;
	}
	again = asked_settle(&talk.asked, whole_count(&talk) + talk.begun,
		talk.asked.count == 1 && !talk.stray, last);
	children_give_up(child);
	return again;
}

void stream_run(struct outside *outside, struct outside_batch *batch)
{
	asked_run((struct children *)outside, batch, use);
}
