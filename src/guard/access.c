#include "guard/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/turns.h"

/* Prefixes that have each other. */
#define DEPTH_MAX 129

/* Where the verdict turns. */
struct access {
	bool outside; /* before the first */
	struct turns v4;
	struct turns v6;  /* the upper halves of the addresses */
	uint64_t *v6_low; /* and the lower ones */
};

/* The way through the addresses of a family. */
struct sweep {
	const struct prefix_rule *open[DEPTH_MAX]; /* each has the next one */
	unsigned depth;
	bool outside, present;
	struct prefix_address *turns;
	size_t count;
};

static void turn(struct sweep *sweep, struct prefix_address at, bool verdict)
{
	if (sweep->count > 0 && prefix_address_compare(sweep->turns[sweep->count - 1], at) == 0) {
		sweep->count--;
		sweep->present = !sweep->present;
	}
	if (verdict == sweep->present)
		return;
	sweep->turns[sweep->count++] = at;
	sweep->present = verdict;
}

static struct prefix_address behind(const struct prefix *prefix)
{
	struct prefix_address last = prefix->last;

	last.low++;
	last.high += last.low == 0;
	return last;
}

/* Is the last address of the prefix that of its family? */
static bool is_at_end(const struct prefix *prefix)
{
	return prefix->last.low == (prefix->v6 ? UINT64_MAX : UINT32_MAX) &&
	       (!prefix->v6 || prefix->last.high == UINT64_MAX);
}

/* Leave the prefixes that do not have the next one; NULL: all. */
static void leave_prefixes(struct sweep *sweep, const struct prefix *next)
{
	while (sweep->depth > 0) {
		const struct prefix *prefix = &sweep->open[sweep->depth - 1]->prefix;

		if (next != NULL && prefix_address_compare(next->first, prefix->last) <= 0)
			return;
		sweep->depth--;
		if (!is_at_end(prefix))
			turn(sweep, behind(prefix),
				sweep->depth > 0 ? sweep->open[sweep->depth - 1]->allow
						 : sweep->outside);
	}
}

static bool is_repeated(const struct sweep *sweep, const struct prefix_rule *rule)
{
	return sweep->depth > 0 && sweep->open[sweep->depth - 1]->prefix.bits == rule->prefix.bits;
}

/* The turns of the rules of one family. Returns their number, or -ENOMEM. */
static ssize_t flatten(const struct prefix_rule *rules, size_t count, bool outside,
	struct prefix_address **ret_turns)
{
	struct sweep sweep = { .outside = outside, .present = outside };

	sweep.turns = calloc(2 * count + 1, sizeof(*sweep.turns));
	if (sweep.turns == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		leave_prefixes(&sweep, &rules[i].prefix);
		if (is_repeated(&sweep, &rules[i]))
			continue;
		sweep.open[sweep.depth++] = &rules[i];
		turn(&sweep, rules[i].prefix.first, rules[i].allow);
	}
	leave_prefixes(&sweep, NULL);
	*ret_turns = sweep.turns;
	return (ssize_t)sweep.count;
}

static int fill(struct turns *turns, const struct prefix_address *at, size_t count, bool v6)
{
	uint64_t *numbers = calloc(count + 1, sizeof(*numbers));
	int error = -ENOMEM;

	for (size_t i = 0; numbers != NULL && i < count; i++)
		numbers[i] = v6 ? at[i].high : at[i].low;
	if (numbers != NULL)
		error = turns_init(turns, numbers, count);
	free(numbers);
	return error;
}

static int make_v4(struct access *access, const struct prefix_rule *rules, size_t count)
{
	struct prefix_address *at;
	ssize_t found = flatten(rules, count, access->outside, &at);
	int error;

	if (found < 0)
		return -ENOMEM;
	error = fill(&access->v4, at, (size_t)found, false);
	free(at);
	return error;
}

static int make_v6(struct access *access, const struct prefix_rule *rules, size_t count)
{
	struct prefix_address *at;
	ssize_t found = flatten(rules, count, access->outside, &at);
	int error;

	if (found < 0)
		return -ENOMEM;
	error = fill(&access->v6, at, (size_t)found, true);
	access->v6_low = calloc((size_t)found + 1, sizeof(*access->v6_low));
	for (ssize_t i = 0; access->v6_low != NULL && i < found; i++)
		access->v6_low[i] = at[i].low;
	free(at);
	return access->v6_low != NULL ? error : -ENOMEM;
}

int access_new(
	const struct prefix_rule *rules, size_t count, bool outside, struct access **ret_access)
{
	struct access *access = calloc(1, sizeof(*access));
	size_t v4 = 0;
	int error;

	if (access == NULL)
		return -ENOMEM;
	access->outside = outside;
	while (v4 < count && !rules[v4].prefix.v6)
		v4++;
	error = make_v4(access, rules, v4);
	if (error == 0)
		error = make_v6(access, rules + v4, count - v4);
	if (error == 0)
		*ret_access = access;
	else
		access_free(access);
	return error;
}

void access_free(struct access *access)
{
	if (access == NULL)
		return;
	turns_destroy(&access->v4);
	turns_destroy(&access->v6);
	free(access->v6_low);
	free(access);
}

size_t access_bytes(const struct access *access)
{
	size_t v6 = access->v6.depth > 0 ? access->v6.counts[0] : 0;

	return sizeof(*access) + turns_bytes(&access->v4) + turns_bytes(&access->v6) +
	       v6 * sizeof(*access->v6_low);
}

/* Many turns may have one upper half. */
static size_t turns_v6(const struct access *access, struct prefix_address address)
{
	size_t high = turns_up_to(&access->v6, address.high), low;

	if (high == 0 || access->v6.levels[0][high - 1] != address.high)
		return high;
	low = address.high > 0 ? turns_up_to(&access->v6, address.high - 1) : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (access->v6_low[middle] <= address.low)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool access_admits(const struct access *access, const union addr *source)
{
	struct prefix_address address;
	size_t turns;

	if (source->sa.sa_family == AF_INET) {
		turns = turns_up_to(&access->v4, ntohl(source->in.sin_addr.s_addr));
	} else {
		address = prefix_address_of(&source->in6.sin6_addr);
		turns = prefix_address_is_v4(address)
				? turns_up_to(&access->v4, (uint32_t)address.low)
				: turns_v6(access, address);
	}
	return access->outside != (turns % 2 != 0);
}
