/* The clients: each group sends on its own, as its pattern has it. */
#include <string.h>

#include "base/clock.h"
#include "run.h"

#define FIRST_PORT 20000u
#define TRIES 3u

/* One after the other, or as far apart as there is room: up to 4,096 of a group each in a /16 of its own. */
static uint32_t v4_of(const struct group *group, unsigned index, unsigned number)
{
	unsigned first = 16 + 16 * index + number % 16;

	if (!group->spread)
		return htonl(0x0a000000u | index << 20 | (number & 0xfffffu));
	return htonl(first << 24 | (number >> 4 & 0xff) << 16 | (number >> 12 & 0xff) << 8 | 1);
}

/* Sources as the product tells them apart: IPv4 addresses, a mapped one of those, IPv6 networks and
 * link-local addresses. */
static union addr address_of(const struct run *run, unsigned group, unsigned number, unsigned port)
{
	union addr addr;
	unsigned char *v6 = addr.in6.sin6_addr.s6_addr;
	uint32_t v4 = v4_of(&run->scenario.groups[group], group, number);

	memset(&addr, 0, sizeof(addr));
	if (run->network.sockets[run->scenario.groups[group].socket].bound.sa.sa_family ==
		AF_INET) {
		addr.in.sin_family = AF_INET;
		addr.in.sin_addr.s_addr = v4;
		addr.in.sin_port = htons((uint16_t)port);
		return addr;
	}
	addr.in6.sin6_family = AF_INET6;
	addr.in6.sin6_port = htons((uint16_t)port);
	if (number % 3 == 0) { /* a mapped one */
		v6[10] = v6[11] = 0xff;
		memcpy(v6 + 12, &v4, 4);
	} else if (number % 3 == 1) { /* some share a network */
		v6[0] = 0x20;
		v4 = htonl(number / 6);
		memcpy(v6 + 4, &v4, 4);
		v6[8] = (unsigned char)group;
		v6[15] = (unsigned char)(number % 6);
	} else {
		v6[0] = 0xfe;
		v6[1] = 0x80;
		memcpy(v6 + 12, &v4, 4);
		addr.in6.sin6_scope_id = 2 + number % 2;
	}
	return addr;
}

/* One that the receiver must not let in: from a port that cannot be answered, from ourselves, or
 * too long. */
static void spoil(struct run *run, const struct group *group, struct letter *letter)
{
	switch (random_below(&run->world.random, 4)) {
	case 0:
		addr_set_port(&letter->from, 0);
		break;
	case 1:
		addr_set_port(&letter->from,
			(uint16_t)(1 + random_below(&run->world.random, SCENARIO_LOW_PORT)));
		break;
	case 2:
		letter->from = run->network.sockets[group->socket].bound;
		break;
	default:
		letter->length = SCENARIO_DATA_BYTES + 1 + random_below(&run->world.random, 100);
	}
}

static uint32_t write_letter(struct run *run, unsigned number)
{
	struct random *random = &run->world.random;
	const struct group *group = &run->scenario.groups[number];
	uint32_t id = network_letter(&run->network);
	struct letter *letter = &run->network.letters[id];
	unsigned who = group->pattern == FORGED && group->addresses < 1000 ? id
		       : group->even ? group->left % group->addresses
				     : random_below(random, group->addresses);

	letter->group = number;
	letter->from =
		address_of(run, number, who, FIRST_PORT + random_below(random, group->ports));
	letter->length = group->length > 0 ? group->length
					   : random_below(random, SCENARIO_DATA_BYTES + 1);
	letter->stamped = !random_one_in(random, run->scenario.unstamped_one_in);
	letter->tries_left = group->pattern == RETRYING ? TRIES : 0;
	letter->sent_ns = run->world.now_ns;
	if (random_one_in(random, run->scenario.bad_one_in))
		spoil(run, group, letter);
	letter->socket = network_lane(&run->network, group->socket, &letter->from);
	return id;
}

static void ask_again(void *context, uint64_t number);

static void post(struct run *run, uint32_t id, int64_t after_ns)
{
	const struct letter *letter = &run->network.letters[id];
	int64_t delay_ns =
		after_ns + random_between(&run->world.random, 0, run->scenario.delay_most_ns);

	world_at(&run->world, run->world.now_ns + delay_ns, network_arrive, &run->network, id);
	if (letter->tries_left > 0)
		world_at(&run->world,
			run->world.now_ns + run->scenario.groups[letter->group].patience_ns,
			ask_again, run, id);
}

/* The same letter again, as a new one. */
static uint32_t copy(struct run *run, uint32_t id)
{
	uint32_t copied = network_letter(&run->network);
	const struct letter *from = &run->network.letters[id];

	run->network.letters[copied] = (struct letter){
		.content = from->content,
		.from = from->from,
		.length = from->length,
		.socket = from->socket,
		.group = from->group,
		.stamped = from->stamped,
		.sent_ns = run->world.now_ns,
	};
	return copied;
}

static void ask_again(void *context, uint64_t number)
{
	struct run *run = context;
	const struct letter *letter = &run->network.letters[number];
	unsigned left = letter->tries_left - 1;
	uint32_t again;

	if (run->network.letters[letter->content].answered)
		return;
	again = copy(run, (uint32_t)number);
	run->network.letters[again].tries_left = left;
	post(run, again, 0);
}

static void send_burst(struct run *run, unsigned number, unsigned burst, int64_t after_ns)
{
	struct group *group = &run->scenario.groups[number];

	for (unsigned i = 0; i < burst && group->left > 0; i++) {
		uint32_t id = write_letter(run, number);

		group->left--;
		post(run, id, after_ns);
		if (random_one_in(&run->world.random, run->scenario.duplicate_one_in))
			post(run, copy(run, id), after_ns);
	}
}

/* Those of one nanosecond arrive in any order. */
static void send_some(void *context, uint64_t number)
{
	struct run *run = context;
	struct random *random = &run->world.random;
	struct group *group = &run->scenario.groups[number];
	int64_t wait_ns = group->interval_ns * group->burst;

	send_burst(run, (unsigned)number, group->burst, group->place == BEFORE);
	if (group->company > 0)
		send_burst(run, (unsigned)number + 1, group->company, group->place == BEHIND);
	if (group->left > 0)
		world_at(&run->world, run->world.now_ns + random_between(random, 1, 2 * wait_ns),
			send_some, run, number);
}

void clients_start(struct run *run)
{
	for (unsigned i = 0; i < run->scenario.groups_count; i++)
		if (i == 0 || run->scenario.groups[i - 1].company == 0)
			world_at(&run->world, run->world.now_ns, send_some, run, i);
}
