#include "load/window.h"

#include <assert.h>
#include "base/clock.h"

void load_window_init(struct load_window *window, struct load_counters *counters,
	struct load_request *requests, uint64_t room)
{
	assert(room > 0 && (room & (room - 1)) == 0);
	*window = (struct load_window){ counters, requests, .mask = room - 1 };
}

uint64_t load_window_room(const struct load_window *window)
{
	return window->mask + 1 - (window->next - window->oldest);
}

static struct load_request *request_of(const struct load_window *window, uint64_t number)
{
	return &window->requests[number & window->mask];
}

static bool is_counted(const struct load_window *window, int64_t ns)
{
	return ns >= window->counters->counted_from_ns;
}

void load_window_sent(struct load_window *window, int64_t due_ns, int64_t now_ns)
{
	int64_t lag_us = (now_ns - due_ns) / NS_PER_US;

	assert(load_window_room(window) > 0);
	*request_of(window, window->next++) = (struct load_request){
		.due_ns = due_ns,
		.lag_us = lag_us < UINT32_MAX ? (uint32_t)lag_us : UINT32_MAX,
		.state = LOAD_IN_FLIGHT,
	};
	window->in_flight++;
	window->counters->in_flight++;
	if (!is_counted(window, due_ns))
		return;
	window->counters->sent++;
	load_durations_add(&window->counters->lag, now_ns - due_ns);
}

/* The request is in flight no longer. */
static void complete(
	struct load_window *window, struct load_request *request, enum load_request_state state)
{
	request->state = state;
	window->in_flight--;
	window->counters->in_flight--;
	while (window->oldest < window->next &&
		request_of(window, window->oldest)->state != LOAD_IN_FLIGHT)
		window->oldest++;
}

static void count_answer(struct load_window *window, struct load_request *request, int64_t now_ns)
{
	struct load_counters *counters = window->counters;
	int64_t latency_ns = now_ns - request->due_ns;

	complete(window, request, LOAD_ANSWERED);
	if (!is_counted(window, request->due_ns))
		return;
	if (latency_ns > counters->timeout_ns) {
		counters->late++;
		return;
	}
	counters->answered++;
	load_durations_add(&counters->latency, latency_ns);
	load_durations_add(&counters->since_sent, latency_ns - request->lag_us * NS_PER_US);
}

/* A request that was counted as lost was answered after all. */
static void count_late(struct load_counters *counters)
{
	counters->lost--;
	counters->late++;
}

/* Note the first answer to this request. */
static void note_order(struct load_window *window, uint64_t number)
{
	if (number >= window->newest)
		window->newest = number + 1;
	else
		window->counters->reordered +=
			is_counted(window, request_of(window, number)->due_ns);
}

void load_window_answer(struct load_window *window, uint64_t number, int64_t now_ns)
{
	struct load_request *request = request_of(window, number);

	if (number >= window->next) {
		load_window_wrong(window, now_ns);
		return;
	}
	if (window->next - number > window->mask + 1) {
		window->counters->strays++;
		return;
	}
	if (request->state == LOAD_ANSWERED) {
		window->counters->duplicates += is_counted(window, request->due_ns);
		return;
	}
	note_order(window, number);
	if (request->state == LOAD_IN_FLIGHT) {
		count_answer(window, request, now_ns);
		return;
	}
	request->state = LOAD_ANSWERED;
	if (is_counted(window, request->due_ns))
		count_late(window->counters);
}

/* An answer when no request is in flight is a late one if a request was lost, else a duplicate. */
void load_window_answer_in_order(struct load_window *window, int64_t now_ns)
{
	window->counters->in_order = true;
	window->counters->astray |= window->in_flight == 0;
	if (window->in_flight > 0) {
		count_answer(window, request_of(window, window->oldest), now_ns);
	} else if (window->lost_unseen > 0) {
		window->lost_unseen--;
		count_late(window->counters);
	} else {
		window->counters->duplicates += is_counted(window, now_ns);
	}
}

void load_window_wrong(struct load_window *window, int64_t now_ns)
{
	window->counters->wrong += is_counted(window, now_ns);
}

void load_window_too_short(struct load_window *window, int64_t now_ns)
{
	window->counters->too_short += is_counted(window, now_ns);
}

void load_window_expire(struct load_window *window, int64_t now_ns)
{
	while (window->in_flight > 0) {
		struct load_request *request = request_of(window, window->oldest);

		if (now_ns - request->due_ns <= window->counters->timeout_ns)
			return;
		complete(window, request, LOAD_LOST);
		window->counters->astray = true;
		if (!is_counted(window, request->due_ns))
			continue;
		window->counters->lost++;
		window->lost_unseen++;
	}
}

bool load_window_knows_latency(const struct load_counters *counters)
{
	return counters->answered > 0 && !(counters->in_order && counters->astray);
}
