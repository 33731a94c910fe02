/* Limits against a model of token buckets, in virtual time; what passes that is over; whose replies count. */
#include <stdlib.h>
#include <string.h>

#include "limiter_support.h"

/* Exact: in 10^-9 of a token. */
#define TOKEN NS_PER_S

struct bucket {
	int64_t tokens, at_ns;
};

static bool has_token(struct bucket *bucket, int64_t rate, int64_t burst_s, int64_t now_ns)
{
	int64_t most = rate * burst_s * TOKEN;

	bucket->tokens += (now_ns - bucket->at_ns) * rate;
	bucket->at_ns = now_ns;
	if (bucket->tokens > most)
		bucket->tokens = most;
	return bucket->tokens >= TOKEN;
}

/* One widest network, of NETS networks of HOSTS sources each. */
#define NETS 40u
#define HOSTS 40u
struct model {
	struct bucket source[NETS][HOSTS], net[NETS], widest;
	int64_t net_multiple, widest_multiple;
};

static void model_begin(struct model *model, int64_t net_multiple, int64_t widest_multiple)
{
	const struct bucket full = { INT64_MAX / 2, BEGIN_NS };

	model->net_multiple = net_multiple;
	model->widest_multiple = widest_multiple;
	model->widest = full;
	for (unsigned i = 0; i < NETS; i++) {
		model->net[i] = full;
		for (unsigned k = 0; k < HOSTS; k++)
			model->source[i][k] = full;
	}
}

static bool model_admits(struct model *model, unsigned net, unsigned host,
	const struct limiter_numbers *settings, int64_t now_ns)
{
	int64_t rate = settings->requests_per_s, burst_s = settings->burst_s;
	struct bucket *all[] = { &model->source[net][host], &model->net[net], &model->widest };
	bool let_in = has_token(all[0], rate, burst_s, now_ns);

	let_in &= has_token(all[1], rate * model->net_multiple, burst_s, now_ns);
	let_in &= has_token(all[2], rate * model->widest_multiple, burst_s, now_ns);
	for (unsigned i = 0; let_in && i < 3; i++)
		all[i]->tokens -= TOKEN;
	return let_in;
}

static union addr v4_of(unsigned net, unsigned host)
{
	return v4(0x0a070000u | net << 8 | host);
}

static union addr v6_of(unsigned net, unsigned host)
{
	union addr address;

	assert_int_equal(addr_parse("2001:db8:7::", 30000, &address), 0);
	address.in6.sin6_addr.s6_addr[6] = (uint8_t)net;
	address.in6.sin6_addr.s6_addr[7] = (uint8_t)host;
	address.in6.sin6_addr.s6_addr[15] = (uint8_t)rand(); /* NOLINT: does not count */
	return address;
}

/* Requests at random moments, now and then after a pause. Returns how many were refused. */
static unsigned compare(struct model *model, union addr (*address_of)(unsigned, unsigned),
	unsigned nets, unsigned hosts, const struct limiter_numbers *settings)
{
	unsigned refused = 0, requests = 60000;
	int64_t now_ns = BEGIN_NS, gap_ns = NS_PER_S / (settings->requests_per_s * INT64_C(2000));

	limit_to(settings);
	for (unsigned i = 0; i < requests; i++) {
		unsigned net = (unsigned)rand() % nets,
			 host = (unsigned)rand() % hosts; /* NOLINT */
		union addr client = address_of(net, host);
		bool expected = model_admits(model, net, host, settings, now_ns);

		assert_int_equal(is_let_in(&client, now_ns), expected);
		refused += !expected;
		now_ns += rand() % (2 * gap_ns);	   /* NOLINT */
		if (rand() % 20000 == 0)		   /* NOLINT */
			now_ns += rand() % (2 * NS_PER_S); /* NOLINT */
	}
	return refused;
}

/* A number of sources with which each of the levels is what refuses most. */
static void must_be_exact(
	union addr (*address_of)(unsigned, unsigned), int64_t net_multiple, int64_t widest_multiple)
{
	static const unsigned sizes[][2] = { { 2, 2 }, { 1, 40 }, { 3, 40 }, { 40, 40 } };
	static const struct limiter_numbers settings[] = {
		{ .requests_per_s = 1, .burst_s = 1 },
		{ .requests_per_s = 20, .burst_s = 1 },
		{ .requests_per_s = 8, .burst_s = 2 },
	};
	struct model *model = malloc(sizeof(*model));

	assert_non_null(model);
	srand(7); /* NOLINT: the same in each run */
	for (unsigned i = 0; i < 4 * 3; i++) {
		teardown_limiter(NULL);
		assert_int_equal(setup_limiter(NULL), 0);
		model_begin(model, net_multiple, widest_multiple);
		assert_in_range(compare(model, address_of, sizes[i % 4][0], sizes[i % 4][1],
					&settings[i / 4]),
			1, UINT32_MAX);
	}
	free(model);
}

static void as_token_buckets_of_ipv4(void **state)
{
	(void)state;
	must_be_exact(v4_of, 32, 1024);
}

static void as_token_buckets_of_ipv6(void **state)
{
	(void)state;
	must_be_exact(v6_of, 4, 16);
}

/* --- who is one source */

static void must_share(const char *one, const char *other, bool share)
{
	const struct limiter_numbers settings = { .requests_per_s = 1, .burst_s = 1 };
	union addr first, second;

	teardown_limiter(NULL);
	assert_int_equal(setup_limiter(NULL), 0);
	limit_to(&settings);
	assert_int_equal(addr_parse(one, 1, &first), 0);
	assert_int_equal(addr_parse(other, 2, &second), 0);
	assert_true(is_let_in(&first, BEGIN_NS));
	assert_int_equal(is_let_in(&second, BEGIN_NS), !share);
}

static void sources(void **state)
{
	(void)state;
	must_share("192.0.2.1", "192.0.2.1", true);
	must_share("192.0.2.1", "192.0.2.2", false);
	must_share("192.0.2.1", "::ffff:192.0.2.1", true);
	must_share("2001:db8::1", "2001:db8::ffff:2", true);
	must_share("2001:db8::1", "2001:db8:0:1::1", false);
	must_share("fe80::1%1", "fe80::1%1", true);
	must_share("fe80::1%1", "fe80::2%1", false);
	must_share("fe80::1%1", "fe80::1%2", false);
}

static void services_do_not_share(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 1, .burst_s = 1 };
	union addr client = v4(0xc0000201);

	(void)state;
	limit_to(&settings);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 5), 1);
	limiter.service = 4;
	assert_int_equal(count_let_in(&client, BEGIN_NS, 5), 1);
}

/* --- what passes that is over */

static void nothing_is_limited(void **state)
{
	union addr client = v4(0xc0000201);

	(void)state;
	assert_false(atomic_load(&limiter.on));
	limit_to(&(struct limiter_numbers){ .burst_s = 1, .leak = 8 });
	assert_false(atomic_load(&limiter.on));
	assert_int_equal(count_let_in(&client, BEGIN_NS, 1000), 1000);
}

/* Somebody writes the victim's address at 100 times the limit: one in `leak` of its own requests are answered,
 * besides its share of those within the limit. Ten standard deviations to either side. */
static void a_victim_is_not_silenced(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 10, .burst_s = 1, .leak = 8 };
	const unsigned seconds = 100, forged_each = 100;
	union addr victim = v4(0xc0000201);
	unsigned own = 0, forged = 0, sent = 0;

	(void)state;
	limit_to(&settings);
	for (unsigned i = 0; i < seconds * 10 * 10; i++) {
		int64_t now_ns = BEGIN_NS + i * NS_PER_S / 100; /* its own: 100/s */

		forged += count_let_in(&victim, now_ns, forged_each / 10);
		own += is_let_in(&victim, now_ns);
		sent++;
	}
	assert_int_equal(sent, 10000);
	assert_in_range(own, sent / 8 - 331, sent / 8 + 331 + 10 * seconds / 8 + 10);
	assert_in_range(forged, 100000 / 8 - 1046, 100000 / 8 + 1046 + 10 * seconds + 10);
}

static void dry_run_counts_what_it_would_drop(void **state)
{
	struct limiter_numbers settings = { .requests_per_s = 10, .burst_s = 2, .dry_run = true };
	union addr client = v4(0xc0000201);
	struct loss_example example;
	int64_t waited_ns;

	(void)state;
	limit_to(&settings);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 20), 20);
	assert_false(loss_take(&loss, &example, &waited_ns));
	assert_int_equal(count_let_in(&client, BEGIN_NS, 80), 80);
	assert_int_equal(atomic_load(&limiter.would_drop), 80);
	assert_true(loss_take(&loss, &example, &waited_ns));
	assert_true(addr_same(&example.client, &client));
	assert_int_equal(count_let_in(&client, BEGIN_NS + NS_PER_S, 100), 100);
	assert_int_equal(atomic_load(&limiter.would_drop), 170);
	settings.dry_run = false;
	limit_to(&settings);
	assert_int_equal(count_let_in(&client, BEGIN_NS + 2 * NS_PER_S, 100), 10);
	assert_int_equal(atomic_load(&limiter.would_drop), 170);
}

/* --- who makes way */

static bool is_marked(const union addr *client, int64_t now_ns)
{
	struct datagram datagram = request_at(client, now_ns);

	assert_true(limiter_admits(&limiter, &dice, &datagram));
	return datagram.standing == DATAGRAM_OVER;
}

static void who_uses_up_its_limit_makes_way(void **state)
{
	struct limiter_numbers settings = { .requests_per_s = 10, .burst_s = 1, .leak = 1 };
	union addr client = v4(0xc0000201);

	(void)state;
	assert_false(is_marked(&client, BEGIN_NS));
	limit_to(&settings);
	for (unsigned i = 0; i < 9; i++)
		assert_false(is_marked(&client, BEGIN_NS));
	assert_true(is_marked(&client, BEGIN_NS)); /* within the limit, and nothing is left */
	assert_true(is_marked(&client, BEGIN_NS)); /* leaked */
	assert_true(is_marked(&client, BEGIN_NS + 101 * NS_PER_MS));
	assert_false(is_marked(&client, BEGIN_NS + 301 * NS_PER_MS));
	settings.dry_run = true;
	limit_to(&settings);
	for (unsigned i = 0; i < 30; i++)
		assert_false(is_marked(&client, BEGIN_NS + 301 * NS_PER_MS));
}

static void a_network_that_uses_up_its_limit_makes_way(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 2, .burst_s = 1 };

	(void)state;
	limit_to(&settings);
	for (unsigned i = 0; i < 64; i++) {
		union addr client = v4_of(1, i);

		assert_int_equal(is_marked(&client, BEGIN_NS), i == 63);
	}
}

static void who_uses_up_its_bytes_makes_way(void **state)
{
	const struct limiter_numbers settings = {
		.reply_bytes_per_s = 1000, .burst_s = 1, .leak = 1
	};
	union addr client = v4(0xc0000201);
	struct datagram request = request_at(&client, BEGIN_NS);

	(void)state;
	limit_to(&settings);
	assert_true(limiter_admits(&limiter, &dice, &request));
	assert_int_equal(request.standing, DATAGRAM_COMMON);
	limiter_charge_replies(&limiter, &request, 1000, BEGIN_NS);
	assert_true(is_marked(&client, BEGIN_NS));
}

/* --- who is exempt */

static void exempt_sources_count_for_nobody(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 1, .burst_s = 1 };

	(void)state;
	limit_to(&settings);
	for (unsigned i = 0; i < 12800; i++) {
		union addr client = v4_of(1, i % 128);
		struct datagram datagram = request_at(&client, BEGIN_NS);

		datagram.standing = DATAGRAM_EXEMPT;
		assert_true(limiter_admits(&limiter, &dice, &datagram));
		assert_false(datagram.metered);
	}
	for (unsigned i = 128; i < 128 + 32; i++) {
		union addr client = v4_of(1, i);

		assert_int_equal(count_let_in(&client, BEGIN_NS, 100), 1);
	}
}

/* --- replies */

static bool let_in_and_reply(const union addr *client, size_t bytes, int64_t now_ns)
{
	struct datagram datagram = request_at(client, now_ns);

	if (!limiter_admits(&limiter, &dice, &datagram))
		return false;
	limiter_charge_replies(&limiter, &datagram, bytes, now_ns);
	return true;
}

/* Requests are let in until the burst is used up, and what the last reply had too much is paid back. */
static void bytes_of_replies(void **state)
{
	const struct limiter_numbers settings = { .reply_bytes_per_s = 1000, .burst_s = 2 };
	union addr client = v4(0xc0000201), other = v4(0xc0000202);

	(void)state;
	limit_to(&settings);
	assert_true(let_in_and_reply(&client, 1999, BEGIN_NS));
	assert_true(let_in_and_reply(&client, 1001, BEGIN_NS));
	assert_false(let_in_and_reply(&client, 1, BEGIN_NS));
	assert_true(let_in_and_reply(&other, 65507, BEGIN_NS));
	assert_false(let_in_and_reply(&client, 1, BEGIN_NS + NS_PER_S));
	assert_true(let_in_and_reply(&client, 1, BEGIN_NS + NS_PER_S + 1));
	assert_false(let_in_and_reply(&other, 1, BEGIN_NS + 63506 * NS_PER_MS));
	assert_true(let_in_and_reply(&other, 1, BEGIN_NS + 63508 * NS_PER_MS));
}

static void replies_in_the_air_count_in_full(void **state)
{
	const struct limiter_numbers settings = { .reply_bytes_per_s = 1000, .burst_s = 1 };
	union addr client = v4(0xc0000201);
	struct datagram request = request_at(&client, BEGIN_NS);

	(void)state;
	limit_to(&settings);
	for (unsigned i = 0; i < 100; i++)
		assert_true(limiter_admits(&limiter, &dice, &request));
	for (unsigned i = 0; i < 100; i++)
		limiter_charge_replies(&limiter, &request, 100, BEGIN_NS);
	assert_false(is_let_in(&client, BEGIN_NS + 9 * NS_PER_S));
	assert_true(is_let_in(&client, BEGIN_NS + 9 * NS_PER_S + 1));
}

/* Else a forged source would be in debt for long after. And what would be dropped is not, either, in a dry run. */
static void replies_to_what_leaks_are_not_charged(void **state)
{
	struct limiter_numbers settings = { .reply_bytes_per_s = 1000, .burst_s = 1, .leak = 1 };
	union addr client = v4(0xc0000201);

	(void)state;
	for (unsigned dry = 0; dry < 2; dry++) {
		int64_t now_ns = BEGIN_NS + (int64_t)dry * 100 * NS_PER_S;

		limit_to(&settings);
		for (unsigned i = 0; i < 1000; i++)
			assert_true(let_in_and_reply(&client, 500, now_ns));
		settings.dry_run = false;
		settings.leak = 0;
		limit_to(&settings);
		assert_false(is_let_in(&client, now_ns));
		assert_true(is_let_in(&client, now_ns + 1));
		settings.dry_run = true;
	}
}

/* The most that can be asked for overflows nothing. */
static void the_largest_values(void **state)
{
	struct limiter_numbers settings = {
		.requests_per_s = 1, .reply_bytes_per_s = 1, .burst_s = 3600, .leak = 0
	};
	union addr client = v4(0xc0000201);

	(void)state;
	limit_to(&settings);
	for (unsigned i = 0; i < 1000; i++)
		(void)let_in_and_reply(&client, 65507, BEGIN_NS);
	assert_false(is_let_in(&client, BEGIN_NS + 3599 * NS_PER_S));
	assert_true(is_let_in(&client, BEGIN_NS + 14400 * NS_PER_S));
	settings = (struct limiter_numbers){
		.requests_per_s = 1000000, .reply_bytes_per_s = 1000000000, .burst_s = 3600
	};
	limit_to(&settings);
	client = v4(0xc6336401);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 100000), 100000);
	assert_true(let_in_and_reply(&client, 65507, BEGIN_NS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_limiter, teardown_limiter)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_token_buckets_of_ipv4),
		TEST(as_token_buckets_of_ipv6),
		TEST(sources),
		TEST(services_do_not_share),
		TEST(nothing_is_limited),
		TEST(a_victim_is_not_silenced),
		TEST(dry_run_counts_what_it_would_drop),
		TEST(who_uses_up_its_limit_makes_way),
		TEST(a_network_that_uses_up_its_limit_makes_way),
		TEST(who_uses_up_its_bytes_makes_way),
		TEST(exempt_sources_count_for_nobody),
		TEST(bytes_of_replies),
		TEST(replies_in_the_air_count_in_full),
		TEST(replies_to_what_leaks_are_not_charged),
		TEST(the_largest_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
