/* A limiter with settings, and requests to it in virtual time. */
#ifndef GUARD_LIMITER_SUPPORT_H
#define GUARD_LIMITER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard/limiter.h"

/* Some time after the machine started. */
#define BEGIN_NS (1000 * NS_PER_S)

static struct meters *meters;
static struct limiter limiter;
static struct dice dice;

static inline void limit_to(const struct limiter_numbers *numbers)
{
	const struct limiter_settings settings = { .numbers = *numbers };
	struct limiter_rules *rules;

	assert_int_equal(limiter_rules_new(&settings, meters, 3, &rules), 0);
	limiter_set(&limiter, rules);
}

static inline int setup_limiter(void **state)
{
	(void)state;
	limiter_init(&limiter);
	return meters_new(&meters);
}

static inline int teardown_limiter(void **state)
{
	(void)state;
	limiter_destroy(&limiter);
	meters_free(meters);
	return 0;
}

static inline union addr v4(uint32_t address)
{
	return (union addr){ .in = { .sin_family = AF_INET,
				     .sin_port = htons(30000),
				     .sin_addr.s_addr = htonl(address) } };
}

static inline struct datagram request_at(const union addr *client, int64_t now_ns)
{
	return (struct datagram){ .client = *client, .arrived_ns = now_ns };
}

static inline bool is_let_in(const union addr *client, int64_t now_ns)
{
	struct datagram datagram = request_at(client, now_ns);

	return limiter_admits(&limiter, &dice, &datagram);
}

static inline unsigned count_let_in(const union addr *client, int64_t now_ns, unsigned requests)
{
	unsigned count = 0;

	while (requests-- > 0)
		count += is_let_in(client, now_ns);
	return count;
}

#endif
