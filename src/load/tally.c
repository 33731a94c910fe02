#include "load/tally.h"

#include <assert.h>

void load_window_init(struct load_window *window, struct load_request *requests, uint64_t room)
{
	assert(room > 0 && (room & (room - 1)) == 0);
	*window = (struct load_window){ .requests = requests, .mask = room - 1 };
}

uint64_t load_window_room(const struct load_window *window)
{
	return window->mask + 1 - (window->next - window->oldest);
}

static struct load_request *request_of(const struct load_window *window, uint64_t number)
{
	return &window->requests[number & window->mask];
}

static bool is_counted(const struct load_tally *tally, int64_t ns)
{
	return ns >= tally->counted_from_ns;
}

void load_tally_sent(
	struct load_tally *tally, struct load_window *window, int64_t due_ns, int64_t now_ns)
{
	assert(load_window_room(window) > 0);
	*request_of(window, window->next++) = (struct load_request){ due_ns, LOAD_ON_ITS_WAY };
	window->in_flight++;
	tally->in_flight++;
	if (!is_counted(tally, due_ns))
		return;
	tally->sent++;
	load_durations_add(&tally->lag, now_ns - due_ns);
}

static void leave(struct load_tally *tally, struct load_window *window,
	struct load_request *request, enum load_state state)
{
	request->state = state;
	window->in_flight--;
	tally->in_flight--;
	while (window->oldest < window->next &&
		request_of(window, window->oldest)->state != LOAD_ON_ITS_WAY)
		window->oldest++;
}

/* It came for a request that is on its way. */
static void settle(struct load_tally *tally, struct load_window *window,
	struct load_request *request, int64_t now_ns)
{
	int64_t latency_ns = now_ns - request->due_ns;

	leave(tally, window, request, LOAD_ANSWERED);
	if (!is_counted(tally, request->due_ns))
		return;
	if (latency_ns > tally->patience_ns) {
		tally->late++;
		return;
	}
	tally->answered++;
	load_durations_add(&tally->latency, latency_ns);
}

static void settle_lost(struct load_tally *tally, struct load_request *request)
{
	request->state = LOAD_ANSWERED;
	if (!is_counted(tally, request->due_ns))
		return;
	tally->lost--;
	tally->late++;
}

/* The first answer to this request. */
static void note_order(struct load_tally *tally, struct load_window *window, uint64_t number)
{
	if (number >= window->newest)
		window->newest = number + 1;
	else
		tally->reordered += is_counted(tally, request_of(window, number)->due_ns);
}

void load_tally_answer(
	struct load_tally *tally, struct load_window *window, uint64_t number, int64_t now_ns)
{
	struct load_request *request = request_of(window, number);

	if (number >= window->next) {
		load_tally_wrong(tally, now_ns);
		return;
	}
	if (window->next - number > window->mask + 1) {
		tally->strays++;
		return;
	}
	if (request->state == LOAD_ANSWERED) {
		tally->duplicates += is_counted(tally, request->due_ns);
		return;
	}
	note_order(tally, window, number);
	if (request->state == LOAD_ON_ITS_WAY)
		settle(tally, window, request, now_ns);
	else
		settle_lost(tally, request);
}

/* One more than are on their way is a late one if any was lost, else a duplicate. */
void load_tally_answer_in_order(
	struct load_tally *tally, struct load_window *window, int64_t now_ns)
{
	if (window->in_flight > 0) {
		settle(tally, window, request_of(window, window->oldest), now_ns);
	} else if (window->unclaimed > 0) {
		window->unclaimed--;
		tally->lost--;
		tally->late++;
	} else {
		tally->duplicates += is_counted(tally, now_ns);
	}
}

void load_tally_wrong(struct load_tally *tally, int64_t now_ns)
{
	tally->wrong += is_counted(tally, now_ns);
}

void load_tally_expire(struct load_tally *tally, struct load_window *window, int64_t now_ns)
{
	while (window->in_flight > 0) {
		struct load_request *request = request_of(window, window->oldest);

		if (now_ns - request->due_ns <= tally->patience_ns)
			return;
		leave(tally, window, request, LOAD_LOST);
		if (!is_counted(tally, request->due_ns))
			continue;
		tally->lost++;
		window->unclaimed++;
	}
}

void load_durations_add(struct load_durations *durations, int64_t ns)
{
	if (durations->count == 0 || ns < durations->min_ns)
		durations->min_ns = ns;
	if (durations->count == 0 || ns > durations->max_ns)
		durations->max_ns = ns;
	durations->count++;
	durations->sum_ns += (double)ns;
	histogram_add(&durations->histogram, ns);
}

int64_t load_durations_quantile(struct load_durations *durations, double quantile)
{
	int64_t ns = histogram_quantile(&durations->histogram, quantile);

	return ns < durations->max_ns ? ns : durations->max_ns;
}
