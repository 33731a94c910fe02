/* The guard's verdicts, each alone, and which of two comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "guard/guard.h"
#include "guard/tables.h"

static _Atomic unsigned min_source_port = 1024;
static struct guard_ports ports;
static struct refused_ports refused_source_ports;
static _Atomic(struct loops *) loops;
static int64_t now_ns = 10000000000;
static unsigned asked;	  /* how often is_own() was, */
static bool own, refused; /* and what it and verify() say */

static bool is_own(const void *context, const union addr *client)
{
	(void)client;
	assert_ptr_equal(context, &ports);
	asked++;
	return own;
}

static bool verify(const void *context, const struct datagram *datagram)
{
	(void)datagram;
	assert_ptr_equal(context, &ports);
	return !refused;
}

static access_place access_in_force[ACCESS_TABLES];
static struct limiter limiter;
static struct dice dice;
static struct guard guard = { .min_source_port = &min_source_port,
	.refused = &refused_source_ports,
	.loops = &loops,
	.ports = &ports,
	.is_own = is_own,
	.limiter = &limiter,
	.dice = &dice,
	.verify = verify,
	.context = &ports,
	.access = access_in_force };

static struct datagram from_port(uint16_t port)
{
	struct datagram datagram = { .cast = DATAGRAM_UNICAST };

	assert_int_equal(addr_parse("192.0.2.1", port, &datagram.client), 0);
	return datagram;
}

static enum ledger_drop check(struct datagram *datagram)
{
	const struct guard_pass pass = guard_begin(&guard, &datagram, 1, now_ns);

	return guard_check(&guard, &pass, datagram);
}

/* Also where no handler asks to look closer. */
static void must_be(struct datagram *datagram, enum ledger_drop verdict)
{
	assert_int_equal(check(datagram), verdict);
	if (guard.verify == NULL || verdict == DROP_VERIFY)
		return;
	guard.verify = NULL;
	assert_int_equal(check(datagram), verdict);
	guard.verify = verify;
}

/* A table that has 192.0.2.1 alone. */
static struct access *client_alone(bool allow)
{
	struct prefix_rule rule = { .allow = allow };
	struct access *access;
	struct prefix_error error;

	assert_int_equal(prefix_parse("192.0.2.1", &rule.prefix, &error), 0);
	assert_int_equal(access_new(&rule, 1, !allow, &access), 0);
	return access;
}

static void test_sources(void **state)
{
	struct datagram datagram = from_port(0);

	(void)state;
	must_be(&datagram, DROP_SOURCE_PORT_ZERO);
	datagram = from_port(1023);
	must_be(&datagram, DROP_SOURCE_PORT_LOW);
	datagram = from_port(1024);
	must_be(&datagram, GUARD_ADMIT);
	atomic_store(&min_source_port, 1);
	datagram = from_port(1);
	must_be(&datagram, GUARD_ADMIT);
	datagram = from_port(0);
	must_be(&datagram, DROP_SOURCE_PORT_ZERO);
	atomic_store(&min_source_port, 1024);
}

/* All others stay, those with the same remainder by 64, too. */
static void test_refused_ports(void **state)
{
	static const uint16_t some[] = { 1900, 65535, 1901 }, others[] = { 1900, 4000 };

	(void)state;
	refused_ports_set(&refused_source_ports, some, 3);
	for (unsigned port = 1024; port <= 65535; port++) {
		struct datagram datagram = from_port((uint16_t)port);
		bool is_refused = port == 1900 || port == 1901 || port == 65535;

		must_be(&datagram, is_refused ? DROP_SOURCE_PORT_REFUSED : GUARD_ADMIT);
	}
	refused_ports_set(&refused_source_ports, others, 2);
	for (unsigned port = 1024; port <= 65535; port++) {
		struct datagram datagram = from_port((uint16_t)port);

		must_be(&datagram,
			port == 1900 || port == 4000 ? DROP_SOURCE_PORT_REFUSED : GUARD_ADMIT);
	}
	refused_ports_set(&refused_source_ports, NULL, 0);
}

/* Asked only about ports that may be ours: those that leave the same remainder by 64 as one that is. */
static void test_own_sockets(void **state)
{
	(void)state;
	guard_ports_add(&ports, 20000);
	guard_ports_add(&ports, 20007);
	asked = 0;
	own = true;
	for (unsigned port = 20000; port < 20064; port++) {
		struct datagram datagram = from_port((uint16_t)port);

		must_be(&datagram, port == 20000 || port == 20007 ? DROP_SOURCE_SELF : GUARD_ADMIT);
	}
	assert_int_equal(asked, 2 * 2);
	own = false;
	for (unsigned port = 20000; port < 20128; port++) {
		struct datagram datagram = from_port((uint16_t)port);

		must_be(&datagram, GUARD_ADMIT);
	}
	assert_int_equal(asked, 2 * (2 + 4));
}

static void test_casts(void **state)
{
	struct datagram datagram = from_port(30000);

	(void)state;
	datagram.cast = DATAGRAM_BROADCAST;
	must_be(&datagram, DROP_BROADCAST);
	datagram.cast = DATAGRAM_MULTICAST;
	must_be(&datagram, DROP_MULTICAST);
	guard.serves_many = true;
	must_be(&datagram, GUARD_ADMIT);
	datagram.cast = DATAGRAM_BROADCAST;
	must_be(&datagram, GUARD_ADMIT);
	datagram.cast = DATAGRAM_UNADDRESSED;
	must_be(&datagram, DROP_UNADDRESSED);
	guard.serves_many = false;
	must_be(&datagram, DROP_UNADDRESSED);
}

/* Where nothing else speaks against it. */
static void test_each_alone(void **state)
{
	struct datagram datagram = from_port(30000);

	(void)state;
	must_be(&datagram, GUARD_ADMIT);
	datagram.truncated = true;
	must_be(&datagram, DROP_TRUNCATED);
	datagram.truncated = false;
	datagram.arrived_ns = guard.owed_until_ns + 1;
	guard.closed = true;
	must_be(&datagram, DROP_DRAINING);
	guard.closed = false;
}

/* A datagram that repeats itself 20,000 times: how often is it this verdict? */
static unsigned count_verdicts(struct datagram *datagram, enum ledger_drop verdict)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 20000; i++) {
		const struct guard_pass pass = guard_begin(&guard, &datagram, 1, now_ns);

		loops_note(atomic_load(&loops), datagram, &datagram->client, "", 0);
		count += guard_check(&guard, &pass, datagram) == verdict;
	}
	now_ns += 2000000000;
	return count;
}

/* Behind the own addresses, and before verify(); not at all where it is switched off. */
static void test_loops(void **state)
{
	struct datagram datagram = from_port(20000);
	struct tables *tables;

	(void)state;
	assert_int_equal(tables_new(&tables), 0);
	atomic_store(&loops, &tables->loops);
	guard.verify = NULL;
	addr_set_port(&datagram.client, 30000); /* which nobody listens on */
	assert_in_range(count_verdicts(&datagram, DROP_LOOP), 5000, 7000);
	addr_set_port(&datagram.client, 20000);
	guard.verify = verify;
	refused = true;
	assert_in_range(count_verdicts(&datagram, DROP_VERIFY), 13000, 15000);
	refused = false;
	own = true;
	guard_ports_add(&ports, 20000);
	assert_int_equal(count_verdicts(&datagram, DROP_SOURCE_SELF), 20000);
	own = false;
	(void)count_verdicts(&datagram, DROP_LOOP);
	now_ns -= 2000000000;
	atomic_store(&loops, NULL);
	for (unsigned i = 0; i < 100; i++)
		must_be(&datagram, GUARD_ADMIT);
	tables_free(tables);
}

/* Of 192.0.2.1. The table is the one that a reception began with. */
static void test_access(void **state)
{
	struct datagram datagram = from_port(30000);
	struct access *access = client_alone(false);
	struct guard_pass pass;

	(void)state;
	guard.verify = NULL;
	atomic_store(&access_in_force[ACCESS_ADMITS], access);
	must_be(&datagram, DROP_ACCESS);
	datagram = from_port(30000);
	assert_int_equal(addr_parse("192.0.2.2", 30000, &datagram.client), 0);
	must_be(&datagram, GUARD_ADMIT);
	datagram = from_port(30000);
	pass = guard_begin(&guard, &(struct datagram *){ &datagram }, 1, now_ns);
	atomic_store(&access_in_force[ACCESS_ADMITS], NULL);
	assert_int_equal(guard_check(&guard, &pass, &datagram), DROP_ACCESS);
	datagram = from_port(30000);
	must_be(&datagram, GUARD_ADMIT);
	guard.verify = verify;
	access_free(access);
}

/* --- a table is replaced */

#define REPLACEMENTS 3000u
#define LOOKED_UP 4096u /* at once, so that there is always somebody who looks */

static _Atomic bool finished;
static _Atomic unsigned looked_up;

static void *look_up(void *argument)
{
	struct datagram datagram = from_port(30000), *same[LOOKED_UP];
	bool *spoiled = argument;

	for (unsigned i = 0; i < LOOKED_UP; i++)
		same[i] = &datagram;
	for (; !atomic_load(&finished); atomic_fetch_add(&looked_up, 1)) {
		guard_look_up(&guard, same, LOOKED_UP);
		*spoiled |= datagram.standing == DATAGRAM_REFUSED;
	}
	return NULL;
}

static void await_look_up(void)
{
	unsigned before = atomic_load(&looked_up);

	while (atomic_load(&looked_up) == before)
		sched_yield();
}

/* What is replaced is spoiled at once. */
static void test_replacing(void **state)
{
	struct access *replaced[REPLACEMENTS] = { NULL };
	bool spoiled = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, look_up, &spoiled), 0);
	for (unsigned i = 0; i < REPLACEMENTS; i++) {
		struct access *next = i % 9 != 0 ? client_alone(true) : NULL;

		if (i % 100 == 0)
			await_look_up();
		replaced[i] = atomic_exchange(&access_in_force[ACCESS_ADMITS], next);
		guard_settle(&guard);
		if (replaced[i] != NULL)
			replaced[i]->outside = true;
	}
	atomic_store(&finished, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	access_free(atomic_exchange(&access_in_force[ACCESS_ADMITS], NULL));
	for (unsigned i = 0; i < REPLACEMENTS; i++)
		access_free(replaced[i]);
	assert_false(spoiled);
}

/* Requests of the source are over its limit, from the second on; returns the tables that count them. */
static struct tables *limit_to_one(void)
{
	const struct limiter_numbers one = { .requests_per_s = 1, .burst_s = 1 };
	struct datagram first = from_port(20001);
	struct tables *tables;

	assert_int_equal(tables_new(&tables), 0);
	limiter.meters = &tables->meters;
	limiter_set(&limiter, &one);
	assert_true(limiter_admits(&limiter, &dice, &first));
	return tables;
}

static void test_exempt(void **state)
{
	struct tables *tables = limit_to_one();
	struct access *access = client_alone(true);
	struct datagram datagram = from_port(30000);

	(void)state;
	must_be(&datagram, DROP_LIMIT);
	atomic_store(&access_in_force[ACCESS_EXEMPTS], access);
	must_be(&datagram, GUARD_ADMIT);
	assert_int_equal(datagram.standing, DATAGRAM_EXEMPT);
	datagram = from_port(30000);
	assert_int_equal(addr_parse("192.0.2.2", 30000, &datagram.client), 0);
	assert_int_equal(check(&datagram), GUARD_ADMIT);
	assert_int_equal(check(&datagram), DROP_LIMIT);
	atomic_store(&access_in_force[ACCESS_EXEMPTS], NULL);
	limiter = (struct limiter){ .meters = NULL };
	access_free(access);
	tables_free(tables);
}

/* The first reason that holds is the one that is counted. */
static void test_the_order(void **state)
{
	struct datagram datagram = from_port(20000);
	struct access *access = client_alone(false);
	struct tables *tables = limit_to_one();

	(void)state;
	atomic_store(&access_in_force[ACCESS_ADMITS], access);
	guard_ports_add(&ports, 20000);
	own = refused = guard.closed = datagram.truncated = true;
	datagram.arrived_ns = 5;
	guard.owed_until_ns = 4;
	datagram.cast = DATAGRAM_BROADCAST;
	must_be(&datagram, DROP_DRAINING);
	guard.owed_until_ns = 5;
	must_be(&datagram, DROP_SHUTDOWN);
	guard.closed = false;
	must_be(&datagram, DROP_TRUNCATED);
	datagram.truncated = false;
	must_be(&datagram, DROP_BROADCAST);
	datagram.cast = DATAGRAM_UNICAST;
	refused_ports_set(&refused_source_ports, (const uint16_t[]){ 20000 }, 1);
	must_be(&datagram, DROP_SOURCE_PORT_REFUSED);
	refused_ports_set(&refused_source_ports, NULL, 0);
	must_be(&datagram, DROP_SOURCE_SELF);
	own = false;
	must_be(&datagram, DROP_ACCESS);
	atomic_store(&access_in_force[ACCESS_ADMITS], NULL);
	access_free(access);
	datagram.standing = DATAGRAM_COMMON;
	addr_set_port(&datagram.client, 30000); /* which nobody listens on */
	must_be(&datagram, DROP_LIMIT);
	limiter = (struct limiter){ .meters = NULL };
	must_be(&datagram, DROP_VERIFY);
	guard.verify = NULL;
	must_be(&datagram, GUARD_ADMIT);
	guard.verify = verify;
	refused = false;
	must_be(&datagram, GUARD_ADMIT);
	tables_free(tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_refused_ports),
		cmocka_unit_test(test_own_sockets),
		cmocka_unit_test(test_casts),
		cmocka_unit_test(test_each_alone),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_replacing),
		cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_the_order),
	};

	lock_init(&guard.lock);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
