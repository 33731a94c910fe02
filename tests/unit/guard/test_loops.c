/* Which requests are repeats, which of them are dropped, and that loops die of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "guard/tables.h"

#define LETTER_BYTES 128u

union letter {
	struct datagram datagram;
	unsigned char room[sizeof(struct datagram) + LETTER_BYTES];
};

static struct tables *tables;
static struct loops *loops;
static struct dice dice;
static int64_t now_ns;

static int set_up(void **state)
{
	(void)state;
	now_ns = 10000 * NS_PER_S;
	assert_int_equal(tables_new(&tables), 0);
	loops = &tables->loops;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tables_free(tables);
	return 0;
}

static void write_letter(
	union letter *letter, const char *host, uint16_t port, const void *bytes, size_t length)
{
	memset(letter, 0, sizeof(*letter));
	assert_int_equal(addr_parse(host, port, &letter->datagram.client), 0);
	letter->datagram.length = (uint32_t)length;
	memcpy(letter->datagram.data, bytes, length);
}

static bool look(struct loops *at, union letter *letter)
{
	struct datagram *received = &letter->datagram;

	return loops_look(at, &received, 1, now_ns);
}

/* Received, and answered with these bytes. */
static void answer(union letter *request, const void *bytes, size_t length)
{
	(void)look(loops, request);
	loops_note(loops, &request->datagram, &request->datagram.client, bytes, length);
}

static void must_repeat(
	const char *host, uint16_t port, const void *bytes, size_t length, bool repeats)
{
	union letter letter;

	write_letter(&letter, host, port, bytes, length);
	assert_int_equal(look(loops, &letter), repeats);
}

/* Each of what it is known by, alone. */
static void an_answer_that_comes_back(void **state)
{
	static const char *const hosts[] = { "192.0.2.1", "2001:db8::1", "fe80::1%lo" };
	unsigned char bytes[LETTER_BYTES];
	union letter request;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(7 * i);
	for (unsigned host = 0; host < 3; host++)
		for (size_t length = 0; length <= 100; length++) {
			size_t known = length < 64 ? length : 64;

			write_letter(&request, hosts[host], 2000, "question", 8);
			answer(&request, bytes, length);
			must_repeat(hosts[host], 2000, bytes, length, true);
			must_repeat(hosts[host], 2001, bytes, length, false);
			must_repeat(hosts[host], 2000, bytes, length + 1, false);
			must_repeat(hosts[(host + 1) % 3], 2000, bytes, length, false);
			for (size_t i = 0; i < length; i++) {
				bytes[i] ^= 128;
				must_repeat(hosts[host], 2000, bytes, length, i >= known);
				bytes[i] ^= 128;
			}
			now_ns += 2 * NS_PER_S;
		}
}

static void addresses_that_differ_little(void **state)
{
	union letter request;

	(void)state;
	write_letter(&request, "192.0.2.1", 2000, "question", 8);
	answer(&request, "answer", 6);
	must_repeat("192.0.2.2", 2000, "answer", 6, false);
	must_repeat("193.0.2.1", 2000, "answer", 6, false);
	write_letter(&request, "2001:db8::1", 2000, "question", 8);
	answer(&request, "answer", 6);
	must_repeat("2001:db8::2", 2000, "answer", 6, false);
	must_repeat("2001:db9::1", 2000, "answer", 6, false);
	must_repeat("2001:db8::1", 2000, "answer", 6, true);
	write_letter(&request, "fe80::1%lo", 2000, "question", 8);
	answer(&request, "answer", 6);
	assert_true(look(loops, &request));
	request.datagram.client.in6.sin6_scope_id++;
	assert_false(look(loops, &request));
}

/* Only one that was answered: who never answers is in no loop. */
static void a_request_that_comes_again(void **state)
{
	union letter request;

	(void)state;
	must_repeat("192.0.2.1", 2000, "question", 8, false);
	must_repeat("192.0.2.1", 2000, "question", 8, false);
	write_letter(&request, "192.0.2.1", 2000, "question", 8);
	answer(&request, "answer", 6);
	must_repeat("192.0.2.1", 2000, "question", 8, true);
	must_repeat("192.0.2.1", 2000, "answer", 6, true);
}

static void a_datagram_that_was_sent_to_somebody_else(void **state)
{
	union letter request;
	union addr other;

	(void)state;
	assert_int_equal(addr_parse("198.51.100.1", 3000, &other), 0);
	write_letter(&request, "192.0.2.1", 2000, "question", 8);
	(void)look(loops, &request);
	loops_note(loops, &request.datagram, &other, "news", 4);
	must_repeat("198.51.100.1", 3000, "news", 4, true);
	must_repeat("192.0.2.1", 2000, "news", 4, false);
}

static void a_second_later(void **state)
{
	union letter request;

	(void)state;
	write_letter(&request, "192.0.2.1", 2000, "question", 8);
	answer(&request, "answer", 6);
	now_ns += NS_PER_S;
	must_repeat("192.0.2.1", 2000, "answer", 6, true);
	now_ns += NS_PER_MS;
	must_repeat("192.0.2.1", 2000, "answer", 6, false);
}

/* Of what was longer than its slot, the rest may not be there. */
static void one_that_was_cut(void **state)
{
	union letter letter;
	uint32_t known;

	(void)state;
	write_letter(&letter, "192.0.2.1", 2000, "one", 3);
	letter.datagram.truncated = true;
	letter.datagram.length = 65507;
	(void)look(loops, &letter);
	known = letter.datagram.fingerprint;
	letter.datagram.data[0]++;
	(void)look(loops, &letter);
	assert_int_equal(letter.datagram.fingerprint, known);
}

static void one_of_a_reception(void **state)
{
	union letter *letters = calloc(3, sizeof(*letters));
	struct datagram *received[3];

	(void)state;
	assert_non_null(letters);
	for (unsigned i = 0; i < 3; i++) {
		write_letter(&letters[i], "192.0.2.1", 2000, &i, sizeof(i));
		received[i] = &letters[i].datagram;
	}
	assert_false(loops_look(loops, received, 3, now_ns));
	loops_note(loops, received[0], &received[0]->client, "answer", 6);
	assert_true(loops_look(loops, received, 3, now_ns));
	assert_false(loops_look(loops, received + 1, 2, now_ns));
	free(letters);
}

/* Who does not know the key finds no datagram that is taken for another. */
static void another_server_has_another_key(void **state)
{
	struct tables *others;
	union letter letter;
	uint32_t known;

	(void)state;
	assert_int_equal(tables_new(&others), 0);
	write_letter(&letter, "192.0.2.1", 2000, "question", 8);
	(void)look(loops, &letter);
	known = letter.datagram.fingerprint;
	(void)look(&others->loops, &letter);
	assert_int_not_equal(letter.datagram.fingerprint, known);
	tables_free(others);
}

/* So many repeats of one source in this second: how many are dropped? */
static unsigned count_drops(uint16_t port, unsigned repeats)
{
	union letter request;
	unsigned drops = 0;

	write_letter(&request, "192.0.2.1", port, "question", 8);
	for (unsigned i = 0; i < repeats; i++) {
		answer(&request, "answer", 6);
		assert_true(look(loops, &request));
		drops += loops_must_drop(loops, &dice, &request.datagram);
	}
	return drops;
}

/* Each step alone, over as many seconds as make what is random sure: five deviations. */
static void repeats_are_dropped_by_their_number(void **state)
{
	unsigned to_200 = 0, to_1000 = 0, to_10000 = 0, to_20000 = 0;

	(void)state;
	for (unsigned second = 0; second < 100; second++, now_ns += NS_PER_S) {
		assert_int_equal(count_drops(2000, 100), 0);
		to_200 += count_drops(2000, 100);
		to_1000 += count_drops(2000, 800);
		if (second >= 10)
			continue;
		to_10000 += count_drops(2000, 9000);
		to_20000 += count_drops(2000, 10000);
	}
	assert_in_range(to_200, 100 - 50, 100 + 50);
	assert_in_range(to_1000, 800 - 150, 800 + 150);
	assert_in_range(to_10000, 9000 - 450, 9000 + 450);
	assert_in_range(to_20000, 50000 - 800, 50000 + 800);
}

/* Two sources share a place once in 4,096 tries, so this is tried three times. */
static void sources_count_alone(void **state)
{
	bool shared = true;

	(void)state;
	for (uint16_t try = 0; try < 3 && shared; try++, now_ns += NS_PER_S) {
		(void)count_drops((uint16_t)(2000 + try), 20000);
		shared = count_drops((uint16_t)(3000 + try), 100) > 0;
	}
	assert_false(shared);
}

/* What is asked once is not a repeat, however much is asked. */
static void others_are_never_dropped(void **state)
{
	union letter request;
	unsigned drops = 0;

	(void)state;
	for (uint64_t i = 0; i < 200000; i++, now_ns += 5 * NS_PER_US) {
		write_letter(&request, "192.0.2.1", 2000, &i, sizeof(i));
		(void)look(loops, &request);
		drops += loops_must_drop(loops, &dice, &request.datagram);
		answer(&request, "answer", 6);
	}
	assert_int_equal(drops, 0);
}

/* --- two servers */

static struct tables *servers[2];

/* Let one in, and answer it. False: it is dropped. */
static bool serve(unsigned server, union letter *letter, bool echoes)
{
	struct loops *at = &servers[server]->loops;
	const char *word = server == 0 ? "answer" : "another";

	if (look(at, letter) && loops_must_drop(at, &dice, &letter->datagram))
		return false;
	if (!echoes) {
		letter->datagram.length = (uint32_t)strlen(word);
		memcpy(letter->datagram.data, word, strlen(word));
	}
	loops_note(at, &letter->datagram, &letter->datagram.client, letter->datagram.data,
		letter->datagram.length);
	return true;
}

/* So many different datagrams between two servers that handle one in 15 us, each for itself. Returns whether all end
 * within two seconds. */
static bool ends(unsigned count, bool echoes)
{
	union letter *letters = calloc(count, sizeof(*letters));
	int64_t end_ns = now_ns + 2 * NS_PER_S;

	assert_non_null(letters);
	assert_int_equal(tables_new(&servers[0]), 0);
	assert_int_equal(tables_new(&servers[1]), 0);
	for (unsigned i = 0; i < count; i++)
		write_letter(&letters[i], "192.0.2.1", 20000, &i, sizeof(i));
	for (unsigned turn = 0; count > 0 && now_ns < end_ns; turn++)
		for (unsigned i = 0; i < count; now_ns += 15 * NS_PER_US) {
			if (serve(turn % 2, &letters[i], echoes))
				i++;
			else
				letters[i] = letters[--count];
		}
	tables_free(servers[0]);
	tables_free(servers[1]);
	free(letters);
	return count == 0;
}

static void loops_end(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= 10000; count *= 100) {
		assert_true(ends(count, true));
		assert_true(ends(count, false));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_that_comes_back),
		TEST(addresses_that_differ_little),
		TEST(a_request_that_comes_again),
		TEST(a_datagram_that_was_sent_to_somebody_else),
		TEST(a_second_later),
		TEST(one_that_was_cut),
		TEST(one_of_a_reception),
		TEST(another_server_has_another_key),
		TEST(repeats_are_dropped_by_their_number),
		TEST(sources_count_alone),
		TEST(others_are_never_dropped),
		TEST(loops_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
