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
	const struct limiter_settings settings = { .numbers = {
							   .requests_per_s = 1, .burst_s = 1 } };
	union addr client = v4(0xc0000201);
	struct limiter_rules *rules;

	(void)state;
	limit_to(&settings.numbers);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 5), 1);
	limiter_destroy(&limiter);
	limiter_init(&limiter);
	assert_int_equal(limiter_rules_new(&settings, meters, 4, &rules), 0);
	limiter_set(&limiter, rules);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 5), 1);
}

/* --- what passes that is over */

static void nothing_is_limited(void **state)
{
	union addr client = v4(0xc0000201);

	(void)state;
	assert_false(limiter_is_on(&limiter));
	limit_to(&(struct limiter_numbers){ .burst_s = 1, .leak = 8 });
	assert_false(limiter_is_on(&limiter));
	assert_int_equal(count_let_in(&client, BEGIN_NS, 1000), 1000);
}

static struct offender must_name(const char *prefix)
{
	struct offender worst = offenders_take(&limiter.offenders);
	char text[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_format(&worst.prefix, text), prefix);
	return worst;
}

static void must_refuse(const char *prefix, uint64_t times)
{
	struct offender worst = must_name(prefix);

	assert_in_range(times, worst.count - worst.error, worst.count);
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
	must_refuse("192.0.2.1/32", 110000 - own - forged);
}

static void dry_run_counts_what_it_would_drop(void **state)
{
	struct limiter_numbers settings = { .requests_per_s = 10, .burst_s = 2, .dry_run = true };
	union addr client = v4(0xc0000201);

	(void)state;
	limit_to(&settings);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 100), 100);
	assert_int_equal(atomic_load(&limiter.would_drop), 80);
	assert_int_equal(count_let_in(&client, BEGIN_NS + NS_PER_S, 100), 100);
	assert_int_equal(atomic_load(&limiter.would_drop), 170);
	settings.dry_run = false;
	limit_to(&settings);
	assert_int_equal(count_let_in(&client, BEGIN_NS + 2 * NS_PER_S, 100), 10);
	assert_int_equal(atomic_load(&limiter.would_drop), 170);
}

static void the_prefix_that_is_over_is_named(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 2, .burst_s = 1 };
	union addr client = v4_of(1, 1);

	(void)state;
	limit_to(&settings);
	assert_int_equal(count_let_in(&client, BEGIN_NS, 5), 2);
	must_refuse("10.7.1.1/32", 3);
	for (unsigned i = 0; i < 256; i++) {
		client = v4_of(1, i);
		(void)is_let_in(&client, BEGIN_NS);
	}
	must_refuse("10.7.1.0/24", 193);
	for (unsigned i = 0; i < 256 * 256; i++) {
		client = v4_of(i % 256, i / 256);
		(void)is_let_in(&client, BEGIN_NS + NS_PER_S / 4);
	}
	must_name("10.7.0.0/16");
	for (unsigned i = 0; i < 256; i++) {
		client = v6_of(1, i);
		(void)is_let_in(&client, BEGIN_NS);
	}
	must_refuse("2001:db8:7:100::/56", 248);
}

/* --- who is exempt */

static void exempt(const struct limiter_numbers *numbers, const char *first, const char *second)
{
	const char *const texts[] = { first, second };
	const struct limiter_settings settings = { *numbers, texts, second != NULL ? 2 : 1 };
	struct limiter_rules *rules;

	assert_int_equal(limiter_rules_new(&settings, meters, 3, &rules), 0);
	limiter_set(&limiter, rules);
}

static void exempt_sources_count_for_nobody(void **state)
{
	const struct limiter_numbers settings = { .requests_per_s = 1, .burst_s = 1 };

	(void)state;
	exempt(&settings, "10.7.1.0/25", "2001:db8:7::/56");
	for (unsigned i = 0; i < 128; i++) {
		union addr v4_client = v4_of(1, i), v6_client = v6_of(0, i);

		assert_true(limiter_exempts(&limiter, &v4_client));
		assert_int_equal(count_let_in(&v4_client, BEGIN_NS, 100), 100);
		assert_int_equal(count_let_in(&v6_client, BEGIN_NS, 100), 100);
	}
	for (unsigned i = 128; i < 128 + 32; i++) {
		union addr client = v4_of(1, i);

		assert_false(limiter_exempts(&limiter, &client));
		assert_int_equal(count_let_in(&client, BEGIN_NS, 100), 1);
	}
}

/* A reload that says the same keeps what is there: old rules stay until the end. */
static void the_same_rules_are_not_kept_twice(void **state)
{
	struct limiter_numbers settings = { .requests_per_s = 1, .burst_s = 1 };
	const struct limiter_rules *first;

	(void)state;
	exempt(&settings, "10.7.0.0/16", "2001:db8:7::/56");
	first = limiter.kept;
	exempt(&settings, "2001:db8:7::/56", "10.7.0.0/16");
	assert_ptr_equal(limiter.kept, first);
	exempt(&settings, "2001:db8:7::/56", "10.7.0.0/17");
	assert_ptr_not_equal(limiter.kept, first);
	first = limiter.kept;
	exempt(&settings, "2001:db8:7::/56", NULL);
	assert_ptr_not_equal(limiter.kept, first);
	first = limiter.kept;
	settings.leak = 1;
	exempt(&settings, "2001:db8:7::/56", NULL);
	assert_ptr_not_equal(limiter.kept, first);
	assert_ptr_equal(atomic_load(&limiter.rules), limiter.kept);
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
		TEST(the_prefix_that_is_over_is_named),
		TEST(exempt_sources_count_for_nobody),
		TEST(the_same_rules_are_not_kept_twice),
		TEST(bytes_of_replies),
		TEST(replies_in_the_air_count_in_full),
		TEST(replies_to_what_leaks_are_not_charged),
		TEST(the_largest_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
