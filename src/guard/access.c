#include "guard/access.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Prefixes that have each other. */
#define DEPTH_MAX 129

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
	if (verdict != sweep->present)
		sweep->turns[sweep->count++] = at;
	sweep->present = verdict;
}

/* The verdict turns back behind a prefix, unless that has the last address of all. */
static void leave(struct sweep *sweep)
{
	const struct prefix *prefix = &sweep->open[--sweep->depth]->prefix;
	struct prefix_address behind = prefix->last;

	behind.low++;
	behind.high += behind.low == 0;
	if (prefix->v6 ? behind.high != 0 || behind.low != 0 : behind.low <= UINT32_MAX)
		turn(sweep, behind,
			sweep->depth > 0 ? sweep->open[sweep->depth - 1]->allow : sweep->outside);
}

/* The turns of the rules of one family. Returns their number. */
static size_t flatten(
	const struct prefix_rule *rules, size_t count, bool outside, struct prefix_address *turns)
{
	struct sweep sweep = { .outside = outside, .present = outside, .turns = turns };

	for (size_t i = 0; i < count; i++) {
		const struct prefix *prefix = &rules[i].prefix;

		while (sweep.depth > 0 &&
			prefix_address_compare(
				sweep.open[sweep.depth - 1]->prefix.last, prefix->first) < 0)
			leave(&sweep);
		if (sweep.depth > 0 && prefix_same(&sweep.open[sweep.depth - 1]->prefix, prefix))
			continue;
		assert(sweep.depth < DEPTH_MAX);
		sweep.open[sweep.depth++] = &rules[i];
		turn(&sweep, prefix->first, rules[i].allow);
	}
	while (sweep.depth > 0)
		leave(&sweep);
	return sweep.count;
}

/* `turns`: of IPv4, then of IPv6. */
static struct access *make_flat(
	bool outside, const struct prefix_address *turns, size_t v4, size_t v6)
{
	struct access *access = malloc(sizeof(*access) + (v4 + 2 * v6) * sizeof(uint64_t));

	if (access == NULL)
		return NULL;
	*access = (struct access){ outside, v4, v6, access->numbers, access->numbers + v4,
		access->numbers + v4 + v6, .users = 1 };
	for (size_t i = 0; i < v4 + v6; i++)
		access->numbers[i] = i < v4 ? turns[i].low : turns[i].high;
	for (size_t i = v4; i < v4 + v6; i++)
		access->numbers[i + v6] = turns[i].low;
	return access;
}

int access_new(
	const struct prefix_rule *rules, size_t count, bool outside, struct access **ret_access)
{
	struct prefix_address *turns = calloc(2 * count + 1, sizeof(*turns));
	struct access *access = NULL;
	size_t rules_v4 = 0, v4, v6;

	while (rules_v4 < count && !rules[rules_v4].prefix.v6)
		rules_v4++;
	if (turns != NULL) {
		v4 = flatten(rules, rules_v4, outside, turns);
		v6 = flatten(rules + rules_v4, count - rules_v4, outside, turns + v4);
		access = make_flat(outside, turns, v4, v6);
	}
	free(turns);
	if (access == NULL)
		return -ENOMEM;
	*ret_access = access;
	return 0;
}

void access_free(struct access *access)
{
	if (access != NULL && --access->users == 0)
		free(access);
}

size_t access_bytes(const struct access *access)
{
	return sizeof(*access) + (access->v4_count + 2 * access->v6_count) * sizeof(uint64_t);
}

/* A search that halves twice a step, and without branches, of which a processor would guess half wrong: the numbers of
 * a step are read at once. */
static size_t count_up_to(const uint64_t *numbers, size_t left, uint64_t number)
{
	const uint64_t *at = numbers;
	size_t count;

	while (left >= 4) {
		size_t part = left / 4;

		at += part * ((size_t)(at[part] <= number) + (at[2 * part] <= number) +
				     (at[3 * part] <= number));
		left -= 3 * part;
	}
	count = (size_t)(at - numbers);
	for (size_t i = 0; i < left; i++)
		count += at[i] <= number;
	return count;
}

/* Many turns may have the same upper half. */
static size_t count_v6(const struct access *access, struct prefix_address address)
{
	size_t count = count_up_to(access->v6_high, access->v6_count, address.high), lower = 0;

	if (count == 0 || access->v6_high[count - 1] != address.high)
		return count;
	if (address.high > 0)
		lower = count_up_to(access->v6_high, count, address.high - 1);
	return lower + count_up_to(access->v6_low + lower, count - lower, address.low);
}

bool access_admits(const struct access *access, const union addr *source)
{
	struct prefix_address address = { 0, 0 };
	bool v6 = source->sa.sa_family == AF_INET6;
	size_t turns;

	if (v6)
		address = prefix_address_of(&source->in6.sin6_addr);
	else
		address.low = ntohl(source->in.sin_addr.s_addr);
	if (v6 && !prefix_address_is_v4(address))
		turns = count_v6(access, address);
	else
		turns = count_up_to(access->v4, access->v4_count, (uint32_t)address.low);
	return access->outside != (turns % 2 != 0);
}
