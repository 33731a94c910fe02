/* Who may come in: the flat table against a walk over all rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "guard/access.h"

#define SEEDS 400u
#define RULES_MAX 200u
#define ASKED 1000u

static uint64_t random_state;

static uint32_t draw(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 32);
}

static union addr address(const char *text)
{
	union addr parsed;

	assert_int_equal(addr_parse(text, 7, &parsed), 0);
	return parsed;
}

static struct prefix_rule rule(const char *text, bool allow)
{
	struct prefix_rule made = { .allow = allow };
	struct prefix_error error;

	assert_int_equal(prefix_parse(text, &made.prefix, &error), 0);
	return made;
}

static struct access *make(struct prefix_rule *rules, size_t count, bool outside)
{
	struct access *access;

	prefix_sort(rules, count);
	assert_int_equal(access_new(rules, count, outside, &access), 0);
	return access;
}

static bool admits(const struct access *access, const char *text)
{
	union addr asked = address(text);

	return access_admits(access, &asked);
}

static void the_longest_prefix_decides(void **state)
{
	struct prefix_rule rules[] = { rule("10.0.0.0/8", false), rule("10.1.0.0/16", true),
		rule("10.1.2.0/24", false), rule("10.1.2.3", true), rule("2001:db8::/32", false),
		rule("2001:db8:7::/48", true) };
	struct access *access = make(rules, 6, true);

	(void)state;
	assert_true(admits(access, "9.255.255.255"));
	assert_false(admits(access, "10.0.0.0"));
	assert_false(admits(access, "10.0.255.255"));
	assert_true(admits(access, "10.1.0.0"));
	assert_false(admits(access, "10.1.2.2"));
	assert_true(admits(access, "10.1.2.3"));
	assert_false(admits(access, "10.1.2.255"));
	assert_true(admits(access, "10.1.3.0"));
	assert_false(admits(access, "10.255.255.255"));
	assert_true(admits(access, "11.0.0.0"));
	assert_true(admits(access, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(admits(access, "2001:db8::"));
	assert_true(admits(access, "2001:db8:7::"));
	assert_true(admits(access, "2001:db8:7:ffff:ffff:ffff:ffff:ffff"));
	assert_false(admits(access, "2001:db8:8::"));
	assert_true(admits(access, "2001:db9::"));
	access_free(access);
}

static void outside_of_all(void **state)
{
	struct prefix_rule rules[] = { rule("10.0.0.0/8", true) };
	struct access *refuses = make(rules, 1, false), *nothing = make(NULL, 0, false);

	(void)state;
	assert_true(admits(refuses, "10.3.2.1"));
	assert_false(admits(refuses, "11.0.0.0"));
	assert_false(admits(refuses, "::1"));
	assert_false(admits(nothing, "10.3.2.1"));
	assert_false(admits(nothing, "::1"));
	access_free(refuses);
	access_free(nothing);
}

static void an_address_written_as_ipv6_is_ipv4(void **state)
{
	struct prefix_rule rules[] = { rule("10.0.0.0/8", false), rule("::/0", false),
		rule("::ffff:11.0.0.0/104", false) };
	struct access *access = make(rules, 3, true);

	(void)state;
	assert_false(admits(access, "::ffff:10.0.0.1"));
	assert_false(admits(access, "11.255.255.255"));
	assert_true(admits(access, "::ffff:12.0.0.0"));
	assert_true(admits(access, "9.0.0.0"));
	assert_false(admits(access, "::10.0.0.1"));
	access_free(access);
}

static void the_ends_of_the_address_space(void **state)
{
	struct prefix_rule rules[] = { rule("0.0.0.0/0", false), rule("0.0.0.0", true),
		rule("255.255.255.255", true), rule("::/0", false), rule("::", true),
		rule("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true) };
	struct access *access = make(rules, 6, true);

	(void)state;
	assert_true(admits(access, "0.0.0.0"));
	assert_false(admits(access, "0.0.0.1"));
	assert_false(admits(access, "255.255.255.254"));
	assert_true(admits(access, "255.255.255.255"));
	assert_true(admits(access, "::"));
	assert_false(admits(access, "::1"));
	assert_true(admits(access, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	access_free(access);
}

/* Rules that repeat what holds anyway take no memory. */
static void what_turns_nothing_is_left_out(void **state)
{
	struct prefix_rule rules[] = { rule("10.0.0.0/8", false), rule("10.1.0.0/16", false),
		rule("11.0.0.0/8", false), rule("11.0.0.0/8", false), rule("12.0.0.0/8", true) };
	struct prefix_rule whole[] = { rule("10.0.0.0/7", false) };
	struct access *many = make(rules, 5, true), *one = make(whole, 1, true);

	(void)state;
	assert_int_equal(access_bytes(many), access_bytes(one));
	access_free(many);
	access_free(one);
}

/* However often it is given. */
static void a_rule_that_repeats_another(void **state)
{
	struct prefix_rule rules[200];
	struct access *access;

	(void)state;
	for (size_t i = 0; i < 200; i++)
		rules[i] = rule("10.0.0.0/8", false);
	access = make(rules, 200, true);
	assert_false(admits(access, "10.255.255.255"));
	assert_true(admits(access, "11.0.0.0"));
	access_free(access);
}

static void one_that_two_places_have(void **state)
{
	struct prefix_rule rules[] = { rule("10.0.0.0/8", true) };
	struct access *access = make(rules, 1, false);

	(void)state;
	access->users++;
	access_free(access);
	assert_int_equal(access->users, 1);
	assert_int_equal(access->v4_count, 2);
	assert_true(admits(access, "10.1.2.3"));
	access_free(access);
}

/* --- against a walk over all rules */

static bool has(const struct prefix *prefix, bool v6, struct prefix_address asked)
{
	return prefix->v6 == v6 && prefix_address_compare(prefix->first, asked) <= 0 &&
	       prefix_address_compare(asked, prefix->last) <= 0;
}

static bool walk(const struct prefix_rule *rules, size_t count, bool outside, bool v6,
	struct prefix_address asked)
{
	const struct prefix_rule *longest = NULL;

	for (size_t i = 0; i < count; i++)
		if (has(&rules[i].prefix, v6, asked) &&
			(longest == NULL || rules[i].prefix.bits > longest->prefix.bits))
			longest = &rules[i];
	return longest != NULL ? longest->allow : outside;
}

/* Few different bits, so that prefixes have each other, touch each other and repeat. */
static uint64_t draw_word(void)
{
	static const uint64_t parts[] = { 0, UINT64_MAX, 0x0a00000000000000, 0x20010db800000000,
		0x00ff00ff00ff00ff, 0x0000000100000001 };

	return parts[draw() % 6] & ~((uint64_t)draw() % 4) & ~((uint64_t)(draw() % 4) << 40);
}

static union addr draw_address(bool v6)
{
	uint64_t words[2] = { draw_word(), draw_word() };
	union addr drawn = { .sa.sa_family = v6 ? AF_INET6 : AF_INET };

	if (v6)
		memcpy(&drawn.in6.sin6_addr, words, sizeof(words));
	else
		memcpy(&drawn.in.sin_addr, words, 4);
	return drawn;
}

static struct prefix_address number_of(const union addr *of)
{
	if (of->sa.sa_family == AF_INET6)
		return prefix_address_of(&of->in6.sin6_addr);
	return (struct prefix_address){ 0, ntohl(of->in.sin_addr.s_addr) };
}

/* A prefix of an address: every shorter form of it, and what is behind it, too. */
static struct prefix_rule draw_rule(unsigned number)
{
	bool v6 = draw() % 2;
	union addr drawn = draw_address(v6);
	struct prefix_rule made = { .allow = draw() % 2, .number = number };
	struct prefix *prefix = &made.prefix;
	unsigned most = v6 ? 128 : 32;

	prefix->v6 = v6;
	prefix->bits = (unsigned char)(draw() % 4 ? draw() % (most + 1) : most);
	prefix->first = prefix->last = number_of(&drawn);
	for (unsigned bit = prefix->bits; bit < most; bit++) {
		unsigned place = most - 1 - bit;
		uint64_t mask = (uint64_t)1 << place % 64;

		if (place < 64) {
			prefix->first.low &= ~mask;
			prefix->last.low |= mask;
		} else {
			prefix->first.high &= ~mask;
			prefix->last.high |= mask;
		}
	}
	return made;
}

static size_t draw_rules(struct prefix_rule *rules)
{
	size_t wanted = draw() % RULES_MAX, count = 0;

	for (unsigned i = 0; i < wanted; i++)
		rules[i] = draw_rule(i);
	prefix_sort(rules, wanted);
	for (size_t i = 0; i < wanted; i++)
		if (count == 0 || !prefix_contradicts(&rules[count - 1], &rules[i]))
			rules[count++] = rules[i];
	return count;
}

/* At each prefix, and one address beside it. */
static union addr draw_asked(const struct prefix_rule *rules, size_t count)
{
	union addr drawn = draw_address(draw() % 2);
	const struct prefix *near;
	struct prefix_address at;
	uint64_t words[2];
	uint32_t word;

	if (count == 0 || draw() % 4 == 0)
		return drawn;
	near = &rules[draw() % count].prefix;
	at = draw() % 2 ? near->first : near->last;
	at.low += draw() % 3 - UINT64_C(1);
	words[0] = htobe64(at.high);
	words[1] = htobe64(at.low);
	word = htonl((uint32_t)at.low);
	drawn.sa.sa_family = near->v6 ? AF_INET6 : AF_INET;
	if (near->v6)
		memcpy(&drawn.in6.sin6_addr, words, sizeof(words));
	else
		memcpy(&drawn.in.sin_addr, &word, sizeof(word));
	return drawn;
}

/* One question; returns what is right. */
static bool must_be_right(
	const struct access *access, const struct prefix_rule *rules, size_t count, bool outside)
{
	union addr asked = draw_asked(rules, count);
	struct prefix_address number = number_of(&asked);
	bool v6 = asked.sa.sa_family == AF_INET6 && !prefix_address_is_v4(number);
	bool expected;

	if (!v6)
		number = (struct prefix_address){ 0, (uint32_t)number.low };
	expected = walk(rules, count, outside, v6, number);
	assert_int_equal(access_admits(access, &asked), expected);
	return expected;
}

static void as_a_walk_over_all_rules(void **state)
{
	static struct prefix_rule rules[RULES_MAX];
	unsigned admitted = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct access *access;
		bool outside;
		size_t count;

		random_state = seed;
		outside = draw() % 2;
		count = draw_rules(rules);
		access = make(rules, count, outside);
		for (unsigned i = 0; i < ASKED; i++)
			admitted += must_be_right(access, rules, count, outside);
		access_free(access);
	}
	assert_in_range(admitted, SEEDS * ASKED / 4, SEEDS * ASKED / 4 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_decides),
		cmocka_unit_test(outside_of_all),
		cmocka_unit_test(an_address_written_as_ipv6_is_ipv4),
		cmocka_unit_test(the_ends_of_the_address_space),
		cmocka_unit_test(what_turns_nothing_is_left_out),
		cmocka_unit_test(a_rule_that_repeats_another),
		cmocka_unit_test(one_that_two_places_have),
		cmocka_unit_test(as_a_walk_over_all_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
