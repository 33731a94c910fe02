/* A limiter with settings, and requests to it in virtual time. */
#ifndef GUARD_LIMITER_SUPPORT_H
#define GUARD_LIMITER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard/limiter.h"
#include "guard/tables.h"

/* Some time after the machine started. */
#define BEGIN_NS (1000 * NS_PER_S)

static struct tables *tables;
static struct limiter limiter;
static struct dice dice;
static struct loss loss;

static inline void limit_to(const struct limiter_numbers *numbers)
{
	limiter_set(&limiter, numbers);
}

static inline int setup_limiter(void **state)
{
	int error = tables_new(&tables);

	(void)state;
	limiter = (struct limiter){ .meters = &tables->meters, .service = 3, .loss = &loss };
	return error;
}

static inline int teardown_limiter(void **state)
{
	(void)state;
	tables_free(tables);
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
