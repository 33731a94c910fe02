#include "bench/overload/crowd.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_steps(struct crowd *crowd, const char *text)
{
	double end = 0, seconds;
	int used;

	for (; crowd->steps_count < CROWD_STEPS_MAX; text += used + 1) {
		struct step *step = &crowd->steps[crowd->steps_count++];

		if (sscanf(text, "%lf*%lf%n", &step->rate, &seconds, &used) != 2)
			return false;
		end += seconds;
		if (!(step->rate >= 0 && seconds > 0 && end <= CROWD_SECONDS_MAX))
			return false;
		step->end_ns = (int64_t)(end * 1e9);
		if (text[used] != '+')
			return text[used] == 0;
	}
	return false;
}

bool crowd_parse(struct crowd *crowd, const char *text)
{
	char kind[8];
	int used;

	if (sscanf(text, "%15[^,],%7[^,],%u,%u,%n", crowd->name, kind, &crowd->sources,
		    &crowd->repeats, &used) != 4)
		return false;
	crowd->forged = strcmp(kind, "forged") == 0;
	crowd->shared = crowd->forged || strcmp(kind, "shared") == 0;
	crowd->together = strcmp(kind, "network") == 0;
	return (crowd->shared || crowd->together || strcmp(kind, "socket") == 0) &&
	       crowd->sources > 0 &&
	       crowd->sources <= (crowd->shared ? CROWD_SOURCES_MAX : CROWD_SOCKETS_MAX) &&
	       crowd->repeats <= CROWD_REPEATS_MAX && parse_steps(crowd, text + used);
}

int64_t crowd_end_ns(const struct crowd *crowd)
{
	return crowd->steps[crowd->steps_count - 1].end_ns;
}

/* Above 0, up to 1: xorshift64* (Vigna, 2016). */
static double draw(struct crowd *crowd)
{
	crowd->random ^= crowd->random >> 12;
	crowd->random ^= crowd->random << 25;
	crowd->random ^= crowd->random >> 27;
	return ((double)(crowd->random * 0x2545f4914f6cdd1du >> 11) + 1) / 9007199254740992.0;
}

/* A gap that would reach over the end of a step is drawn anew from there: it has no memory. */
static void draw_next(struct crowd *crowd)
{
	for (; crowd->step < crowd->steps_count; crowd->step++) {
		const struct step *step = &crowd->steps[crowd->step];
		double gap_ns = -log(draw(crowd)) / step->rate * 1e9;

		if (gap_ns < (double)(step->end_ns - crowd->next_ns)) {
			crowd->next_ns += (int64_t)gap_ns;
			return;
		}
		crowd->next_ns = step->end_ns;
	}
	crowd->next_ns = INT64_MAX;
}

/* More than will ever be drawn, within the bound. */
static uint32_t most_requests(const struct crowd *crowd)
{
	double count = 1000;
	int64_t begin_ns = 0;

	for (unsigned i = 0; i < crowd->steps_count; i++) {
		const struct step *step = &crowd->steps[i];

		count += 1.1 * step->rate * (double)(step->end_ns - begin_ns) / 1e9;
		begin_ns = step->end_ns;
	}
	return count < CROWD_REQUESTS_MAX ? (uint32_t)count : CROWD_REQUESTS_MAX;
}

int crowd_prepare(struct crowd *crowd, unsigned index, int64_t patience_ns)
{
	crowd->index = index;
	crowd->random = index + 1;
	crowd->patience_ns = patience_ns;
	crowd->requests_most = most_requests(crowd);
	crowd->requests = calloc(crowd->requests_most, sizeof(*crowd->requests));
	crowd->again =
		calloc((size_t)crowd->requests_most * crowd->repeats + 1, sizeof(*crowd->again));
	draw_next(crowd);
	return crowd->requests == NULL || crowd->again == NULL ? -ENOMEM : 0;
}

int64_t crowd_due_ns(const struct crowd *crowd)
{
	int64_t due_ns = crowd->next_ns;

	if (crowd->again_first < crowd->again_count &&
		crowd->again[crowd->again_first].due_ns < due_ns)
		due_ns = crowd->again[crowd->again_first].due_ns;
	return due_ns;
}

static uint32_t new_request(struct crowd *crowd)
{
	struct request *request = &crowd->requests[crowd->requests_count];

	request->intended_ns = crowd->next_ns;
	request->source = (uint32_t)(draw(crowd) * crowd->sources) % crowd->sources;
	draw_next(crowd);
	if (crowd->requests_count + 1 == crowd->requests_most)
		crowd->next_ns = INT64_MAX;
	return crowd->requests_count++;
}

static bool next_repeat(struct crowd *crowd, int64_t now_ns, uint32_t *ret_number)
{
	while (crowd->again_first < crowd->again_count) {
		const struct repeat *repeat = &crowd->again[crowd->again_first];

		if (repeat->due_ns > now_ns)
			return false;
		crowd->again_first++;
		if (crowd->requests[repeat->number].answered_ns == 0) {
			*ret_number = repeat->number;
			return true;
		}
	}
	return false;
}

static void note_sent(struct crowd *crowd, uint32_t number, int64_t now_ns)
{
	struct request *request = &crowd->requests[number];

	if (request->sends++ == 0)
		request->lag_ns = now_ns - request->intended_ns;
	else
		crowd->resent++;
	if (request->sends <= crowd->repeats)
		crowd->again[crowd->again_count++] =
			(struct repeat){ now_ns + crowd->patience_ns, number };
}

unsigned crowd_take_due(struct crowd *crowd, int64_t now_ns, uint32_t *ret_numbers, unsigned most)
{
	unsigned count = 0;

	while (count < most && next_repeat(crowd, now_ns, &ret_numbers[count]))
		count++;
	while (count < most && crowd->next_ns <= now_ns)
		ret_numbers[count++] = new_request(crowd);
	for (unsigned i = 0; i < count; i++)
		note_sent(crowd, ret_numbers[i], now_ns);
	return count;
}

void crowd_answered(struct crowd *crowd, uint32_t number, int64_t now_ns)
{
	if (number < crowd->requests_count && crowd->requests[number].answered_ns == 0)
		crowd->requests[number].answered_ns = now_ns;
}

/* Of 2^21 from 127.32.0.1 on, from 127.64.0.1 on, ...: one after the other or, while there are that many, each in a
 * /24 of its own. */
struct in_addr crowd_address(const struct crowd *crowd, uint32_t source)
{
	uint32_t place = crowd->together ? source : (source << 8 & 0x1fffff) | source >> 13;

	return (struct in_addr){ htonl(0x7f000001u + ((crowd->index + 1) << 21) + place) };
}
