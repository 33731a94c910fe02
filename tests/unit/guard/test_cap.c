/* The cap beside a model with exact accounts, in virtual time. */
/* link: -Wl,--wrap=sys_monotonic_ns,--wrap=sys_random */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sys.h"
#include "guard/tables.h"

/* As server.json(5) has them. */
#define BYTE_NS (NS_PER_S / 200)
#define ALLOWANCE 2000
#define PROOF_S 60

static _Atomic int64_t now_ns;

int64_t __wrap_sys_monotonic_ns(void);

int64_t __wrap_sys_monotonic_ns(void)
{
	return atomic_load(&now_ns);
}

void __wrap_sys_random(void *bytes, size_t length);

/* The same each time: two networks of a test are seldom taken for one, but never is seldom enough. */
void __wrap_sys_random(void *bytes, size_t length)
{
	uint64_t drawn = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < length; i++, drawn = drawn * 6364136223846793005u + 1)
		((unsigned char *)bytes)[i] = (unsigned char)(drawn >> 56);
}

static union addr at(const char *text)
{
	union addr addr;

	assert_int_equal(addr_parse(text, 1024, &addr), 0);
	return addr;
}

/* Number `i` of many networks. */
static union addr network(uint32_t i)
{
	union addr addr = { .in = { .sin_family = AF_INET } };

	addr.in.sin_addr.s_addr = htonl(i << 8 | 1);
	return addr;
}

static int make(void **state)
{
	struct tables *tables;

	atomic_store(&now_ns, 1000 * NS_PER_S);
	assert_int_equal(tables_new(&tables), 0);
	*state = tables; /* the cap is the first of them */
	return 0;
}

static int end(void **state)
{
	tables_free(*state);
	return 0;
}

static void test_allowance(void **state)
{
	const union addr one = at("192.0.2.1");
	struct cap *cap = *state;

	assert_false(cap_takes(cap, 0, &one, 0, ALLOWANCE + 1));
	assert_true(cap_takes(cap, 0, &one, 0, ALLOWANCE - 1));
	assert_true(cap_takes(cap, 0, &one, 0, 1));
	assert_false(cap_takes(cap, 0, &one, 0, 1));
	atomic_fetch_add(&now_ns, 100 * BYTE_NS);
	assert_false(cap_takes(cap, 0, &one, 0, 101));
	assert_true(cap_takes(cap, 0, &one, 0, 100));
	atomic_fetch_add(&now_ns, 3600 * NS_PER_S); /* no more than at the start comes back */
	assert_false(cap_takes(cap, 0, &one, 0, ALLOWANCE + 1));
	assert_true(cap_takes(cap, 0, &one, 0, ALLOWANCE));
	assert_true(cap_takes(cap, 0, &one, 0, 0));
}

static void drain(struct cap *cap, unsigned service, const union addr *to)
{
	while (cap_takes(cap, service, to, 0, 1))
		;
}

static void test_credit(void **state)
{
	const union addr one = at("192.0.2.1");
	struct cap *cap = *state;

	drain(cap, 0, &one);
	assert_true(cap_takes(cap, 0, &one, 300, 300));
	assert_false(cap_takes(cap, 0, &one, 300, 301)); /* and it stays for later, */
	assert_true(cap_takes(cap, 0, &one, 0, 200));
	assert_true(cap_takes(cap, 0, &one, 50, 150));
	assert_false(cap_takes(cap, 0, &one, 0, 1));
	for (unsigned i = 0; i < 3; i++) /* up to a bound; */
		assert_true(cap_takes(cap, 0, &one, CAP_CREDIT_MAX, 0));
	assert_true(cap_takes(cap, 0, &one, 0, CAP_CREDIT_MAX));
	assert_false(cap_takes(cap, 0, &one, 0, 1));
	assert_true(cap_takes(
		cap, 0, &one, CAP_CREDIT_MAX + 7, CAP_CREDIT_MAX + 7)); /* not so at once */
	assert_true(cap_takes(cap, 0, &one, 10, 0));
	atomic_fetch_add(&now_ns, 5 * BYTE_NS);
	assert_true(cap_takes(cap, 0, &one, 1, 16)); /* all three together */
	assert_false(cap_takes(cap, 0, &one, 0, 1));
}

/* Whether they have one account. */
static bool share(struct cap *cap, const char *one, const char *other)
{
	const union addr a = at(one), b = at(other);

	drain(cap, 0, &a);
	return !cap_takes(cap, 0, &b, 0, ALLOWANCE / 2);
}

static void test_link_local(void **state)
{
	union addr one = at("fe80::1"), other = at("fe80::2");
	struct cap *cap = *state;

	one.in6.sin6_scope_id = other.in6.sin6_scope_id = 7;
	drain(cap, 0, &one);
	assert_false(cap_takes(cap, 0, &other, 0, ALLOWANCE / 2));
	other.in6.sin6_scope_id = 8;
	assert_true(cap_takes(cap, 0, &other, 0, ALLOWANCE));
}

static void test_networks(void **state)
{
	assert_true(share(*state, "192.0.2.1", "192.0.2.255"));
	assert_false(share(*state, "192.0.2.1", "192.0.3.1"));
	assert_true(share(*state, "2001:db8:1:2::3", "2001:db8:1:ffff:7::8"));
	assert_false(share(*state, "2001:db8:10::3", "2001:db8:11::3"));
	assert_false(share(*state, "198.51.100.1", "0:c6:3364::1"));
}

/* Two networks whose places are the same: one allowance, and the credit of the one that left some last. */
static void test_one_place(void **state)
{
	const union addr one = at("192.0.2.1");
	struct cap *cap = *state;
	union addr other;
	uint32_t i = 0;

	drain(cap, 0, &one);
	do
		other = network(++i);
	while (cap_takes(cap, 0, &other, 0, 1));
	assert_true(cap_takes(cap, 0, &one, 500, 0));
	assert_false(cap_takes(cap, 0, &other, 0, 100));
	assert_true(cap_takes(cap, 0, &one, 0, 400)); /* and the other one has left it alone */
	assert_true(cap_takes(cap, 0, &other, 300, 0));
	assert_false(cap_takes(cap, 0, &one, 0, 100));
	assert_true(cap_takes(cap, 0, &other, 0, 300));
}

static void test_services(void **state)
{
	const union addr one = at("192.0.2.1");
	struct cap *cap = *state;

	drain(cap, 0, &one);
	assert_true(cap_takes(cap, 1, &one, 0, ALLOWANCE));
	assert_true(cap_takes(cap, 63, &one, 0, ALLOWANCE));
	cap_prove(cap, 1, &one);
	assert_false(cap_takes(cap, 0, &one, 0, 1));
	assert_true(cap_takes(cap, 1, &one, 0, 1000000));
}

static void proven_client(struct cap *cap, const char *client, const char *neighbour)
{
	const union addr one = at(client), other = at(neighbour);

	drain(cap, 0, &one);
	assert_false(cap_takes(cap, 0, &one, 0, 1000000));
	cap_prove(cap, 0, &one);
	assert_true(cap_takes(cap, 0, &one, 0, 1000000));
	assert_false(cap_takes(cap, 0, &other, 0, 1));
	atomic_fetch_add(&now_ns, PROOF_S * NS_PER_S - BYTE_NS);
	assert_true(cap_takes(cap, 0, &one, 0, 1000000));
	assert_true(
		cap_takes(cap, 0, &other, 0, ALLOWANCE)); /* which the proven one has left alone */
	atomic_fetch_add(&now_ns, BYTE_NS);
	assert_false(cap_takes(cap, 0, &one, 0, 1000000));
}

static void test_proofs(void **state)
{
	proven_client(*state, "192.0.2.1", "192.0.2.2");
	proven_client(*state, "2001:db8:1::1", "2001:db8:1::2");
	proven_client(*state, "2001:db8:2:1::1", "2001:db8:2:2::1");
}

/* Many proofs: the newest hold, and one that is lost is only a proof. */
static void test_many_proofs(void **state)
{
	struct cap *cap = *state;
	unsigned proven = 0;

	for (uint32_t i = 0; i < 200000; i++) {
		const union addr one = network(i);

		cap_prove(cap, 0, &one);
		assert_true(cap_takes(cap, 0, &one, 0, 1000000));
	}
	for (uint32_t i = 0; i < 200000; i++) {
		const union addr one = network(i);

		proven += cap_takes(cap, 0, &one, 0, 1000000);
	}
	assert_in_range(proven, 3000, 4096);
}

/* While there are more networks than places, each gets at most what its account allows. */
static void test_bound(void **state)
{
	enum { NETWORKS = 500000, TARGETS = 100, STEPS = 3000000 };
	static struct {
		uint64_t credit, sent;
	} accounts[TARGETS];
	const int64_t begin_ns = atomic_load(&now_ns);
	struct cap *cap = *state;
	uint64_t drawn = 1, most;

	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t number;
		uint64_t credit, bytes;
		union addr to;
		bool taken;

		drawn = drawn * 6364136223846793005u + 1442695040888963407u;
		number = (uint32_t)(drawn >> 33) % (drawn >> 62 == 0 ? TARGETS : NETWORKS);
		credit = (drawn >> 40) % 100;
		bytes = (drawn >> 20) % 400;
		to = network(number);
		taken = cap_takes(cap, 0, &to, credit, bytes);
		assert_true(taken || bytes > credit);
		if (number < TARGETS) {
			accounts[number].credit += credit;
			accounts[number].sent += taken ? bytes : 0;
		}
		if (i % 100 == 0)
			atomic_fetch_add(&now_ns, BYTE_NS);
	}
	most = ALLOWANCE + (uint64_t)(atomic_load(&now_ns) - begin_ns) / BYTE_NS;
	for (unsigned i = 0; i < TARGETS; i++)
		assert_true(accounts[i].sent <= accounts[i].credit + most);
}

/* Who fills the table gives a victim no second allowance, and takes no reply that its request has paid for. */
static void test_fill(void **state)
{
	const union addr victim = at("192.0.2.1"), honest = at("198.51.100.1");
	struct cap *cap = *state;
	unsigned sent = 0;

	for (uint32_t i = 0; i < 2000000; i++) {
		const union addr other = network(i);

		(void)cap_takes(cap, 0, &other, 30, i % 2 * UINT64_C(100));
		if (i % 100 == 0)
			sent += cap_takes(cap, 0, &victim, 0, 100);
		if (i % 100 == 1)
			assert_true(cap_takes(cap, 0, &honest, 90, 90));
	}
	assert_in_range(sent, 0, ALLOWANCE / 100);
}

/* 124 and 248 days after a use, when the ticks have passed half of their range, and all of it. */
static void test_long_after(void **state)
{
	const union addr one = at("192.0.2.1");
	struct cap *cap = *state;

	for (int half = 1; half < 5; half++) {
		drain(cap, 0, &one);
		cap_prove(cap, 0, &one);
		atomic_fetch_add(&now_ns, half * (INT64_C(1) << 31) * BYTE_NS - NS_PER_S);
		assert_true(cap_takes(cap, 0, &one, 0, ALLOWANCE));
		assert_false(cap_takes(cap, 0, &one, 0, 1));
	}
}

/* --- threads */

#define THREADS 4u
#define ROUNDS 200000

static _Atomic uint64_t sent, brought;

static void *send_much(void *argument)
{
	const union addr one = network(7);
	uint64_t own = 0, credit = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t bytes = i % 3 == 0 ? 90 : 15;

		credit += 30;
		own += cap_takes(argument, 0, &one, 30, bytes) ? bytes : 0;
	}
	atomic_fetch_add(&sent, own);
	atomic_fetch_add(&brought, credit);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_much, *state), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(sent <= brought + ALLOWANCE);
	assert_true(sent + 90 + THREADS * UINT64_C(60) >
		    brought); /* and what may is sent, but for the last */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_allowance, make, end),
		cmocka_unit_test_setup_teardown(test_credit, make, end),
		cmocka_unit_test_setup_teardown(test_networks, make, end),
		cmocka_unit_test_setup_teardown(test_one_place, make, end),
		cmocka_unit_test_setup_teardown(test_link_local, make, end),
		cmocka_unit_test_setup_teardown(test_services, make, end),
		cmocka_unit_test_setup_teardown(test_proofs, make, end),
		cmocka_unit_test_setup_teardown(test_many_proofs, make, end),
		cmocka_unit_test_setup_teardown(test_bound, make, end),
		cmocka_unit_test_setup_teardown(test_fill, make, end),
		cmocka_unit_test_setup_teardown(test_long_after, make, end),
		cmocka_unit_test_setup_teardown(test_threads, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
