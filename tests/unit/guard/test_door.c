/* The door: what it counts, for whom; and all built-in services, each with requests of all lengths, are no amplifiers. */
/* link: -Wl,--wrap=sys_monotonic_ns */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dgram.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "engine/handler.h"
#include "guard/door.h"
#include "guard/tables.h"

#define LENGTH_MAX 1500u
#define REPLY_MAX 2048u

static struct door door;
static struct tables *tables;
static struct limiter limiter; /* exempts nobody, and limits nobody */

int64_t __wrap_sys_monotonic_ns(void);

int64_t __wrap_sys_monotonic_ns(void)
{
	return 1000 * NS_PER_S; /* nothing of an allowance comes back */
}

static int make(void **state)
{
	(void)state;
	memset(&door, 0, sizeof(door));
	door.limiter = &limiter;
	assert_int_equal(tables_new(&tables), 0);
	door.cap = &tables->cap;
	return 0;
}

static int end(void **state)
{
	(void)state;
	tables_free(tables);
	return 0;
}

static struct datagram *request_from(const char *client, size_t length)
{
	struct datagram *datagram = calloc(1, sizeof(*datagram) + LENGTH_MAX);

	assert_non_null(datagram);
	assert_int_equal(addr_parse(client, 1024, &datagram->client), 0);
	datagram->length = (uint32_t)length;
	datagram->addr_bytes = (uint8_t)addr_length(&datagram->client);
	return datagram;
}

static enum ledger_drop check(
	const struct datagram *request, const union addr *to, size_t length, bool counted)
{
	static const unsigned char data[LENGTH_MAX]; /* of which nobody reads more */
	const struct departure departure = { request, to, data, length, counted };

	return door_check(&door, &departure);
}

static bool passes(const struct datagram *request, size_t length)
{
	enum ledger_drop verdict = check(request, &request->client, length, false);

	assert_true(verdict == DOOR_PASS || verdict == DROP_AMPLIFICATION);
	return verdict == DOOR_PASS;
}

static void drain(const struct datagram *request)
{
	while (cap_takes(door.cap, 0, &request->client, 0, 1))
		;
}

/* Bytes of IP packets, both ways. */
static void test_headers(void **state)
{
	static const struct {
		const char *client;
		size_t headers;
	} families[] = { { "192.0.2.1", 28 }, { "2001:db8::1", 48 } };

	(void)state;
	door_set(&door, 3, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct datagram *request = request_from(families[i].client, 100);
		size_t most = 3 * (100 + families[i].headers) - families[i].headers;

		assert_true(passes(request, most));
		assert_true(passes(request, most + 1)); /* one of the allowance */
		assert_false(passes(request, most + CAP_ALLOWANCE_BYTES));
		assert_true(passes(request, CAP_ALLOWANCE_BYTES)); /* credit is left of that one */
		free(request);
	}
}

static void test_factor(void **state)
{
	struct datagram *request = request_from("192.0.2.1", 100), *local;

	(void)state;
	assert_true(passes(request, 1000000)); /* not set: no limit */
	door_set(&door, 0.0001, NULL);
	assert_false(passes(request, 1000000)); /* and so for the least that is not 0 */
	door_set(&door, 1.5, NULL);
	assert_false(passes(request, 2000 + 192 - 28 + 1));
	assert_true(passes(request, 192 - 28));
	door_set(&door, 0, NULL);
	assert_true(passes(request, 1000000));
	free(request);
	door_set(&door, 1, NULL);
	for (int i = 0; i < 2; i++) {
		local = request_from(i == 0 ? "127.9.9.9" : "::1", 0);
		assert_true(passes(local, 1000000));
		door_count(&door, local);
		free(local);
	}
	request = request_from("192.0.2.1", 0);
	request->standing = DATAGRAM_EXEMPT;
	assert_true(passes(request, 1000000));
	assert_int_equal(check(request, &(union addr){ .in = request->client.in }, 1000000, false),
		DROP_AMPLIFICATION); /* elsewhere */
	free(request);
}

/* What came counts once, and for its client's network alone. */
static void test_counted(void **state)
{
	struct datagram *request = request_from("192.0.2.1", 1000);
	struct datagram *other = request_from("198.51.100.1", 0);

	(void)state;
	door_set(&door, 3, NULL);
	drain(request);
	drain(other);
	assert_true(passes(request, 2000));
	assert_int_equal(check(request, &request->client, 2000, true), DROP_AMPLIFICATION);
	assert_int_equal(check(request, &request->client, 900, true), DOOR_PASS);
	assert_int_equal(check(request, &other->client, 100, false), DROP_AMPLIFICATION);
	door_count(&door, other);
	assert_int_equal(check(request, &other->client, 3 * 28 - 28, false), DOOR_PASS);
	assert_int_equal(check(request, &other->client, 0, false), DROP_AMPLIFICATION);
	free(request);
	free(other);
}

/* The service has seen that the client has its address. */
static void test_proof(void **state)
{
	struct datagram *request = request_from("192.0.2.1", 0);

	(void)state;
	door_set(&door, 1, NULL);
	drain(request);
	assert_false(passes(request, 100000));
	door_prove(&door, &request->client);
	assert_true(passes(request, 100000));
	door.service++;
	assert_false(passes(request, 100000));
	free(request);
}

static bool is_known(struct datagram *received)
{
	return loops_look(&tables->loops, &received, 1, 1000 * NS_PER_S);
}

/* What leaves is remembered as what was sent to that address, and what is held back is not. */
static void test_loops(void **state)
{
	struct datagram *request = request_from("192.0.2.1", 7);
	struct datagram *reply = request_from("192.0.2.1", 9);
	struct datagram *elsewhere = request_from("198.51.100.1", 11);

	(void)state;
	door_set(&door, 1, &tables->loops);
	drain(request);
	assert_false(is_known(request));
	assert_false(passes(request, 9));
	assert_false(is_known(request) || is_known(reply));
	door_set(&door, 0, &tables->loops);
	assert_true(passes(request, 9));
	assert_true(is_known(request) && is_known(reply));
	assert_int_equal(check(request, &elsewhere->client, 11, false), DOOR_PASS);
	assert_true(is_known(elsewhere));
	free(request);
	free(reply);
	free(elsewhere);
}

/* Who knew it would find networks whose places are the same. */
static void test_key(void **state)
{
	struct tables *others;

	(void)state;
	assert_int_equal(tables_new(&others), 0);
	assert_memory_not_equal(&tables->cap.keys, &others->cap.keys, sizeof(others->cap.keys));
	tables_free(others);
}

/* --- all services */

static ssize_t answer_of(const struct dgram_handler *handler, void *state,
	const struct datagram *request, void *reply)
{
	const struct handler stage = { .calls = handler };
	struct handler_request lent;

	handler_request_init(&lent, &stage, NULL, NULL, 0);
	handler_lend(&lent, request);
	return handler->handle(state, &lent.request, reply, REPLY_MAX);
}

/* Requests of one length from one network, twice as many as use up the allowance. */
static void must_be_bounded(
	const struct dgram_handler *handler, void *state, struct datagram *request, size_t length)
{
	const double factor = handler->max_reply_factor > 0 ? handler->max_reply_factor : 3;
	const size_t headers = request->client.sa.sa_family == AF_INET ? 28 : 48;
	unsigned char reply[REPLY_MAX];
	uint64_t came = 0, left = 0;

	request->length = (uint32_t)length;
	for (unsigned i = 0; i < 150; i++) {
		ssize_t bytes = answer_of(handler, state, request, reply);

		came += headers + length;
		if (bytes >= 0 && passes(request, (size_t)bytes))
			left += headers + (size_t)bytes;
	}
	if ((double)left > factor * (double)came + CAP_ALLOWANCE_BYTES)
		fail_msg("%s, %zu bytes: %llu came, %llu left", handler->name, length,
			(unsigned long long)came, (unsigned long long)left);
	/* and echo is answered always */
	assert_true(strcmp(handler->name, "echo") != 0 || left == came);
}

/* Its network is another one for each length. */
static void each_length(const struct dgram_handler *handler, void *state)
{
	for (size_t length = 0; length <= LENGTH_MAX; length++)
		for (int family = 0; family < 2; family++) {
			char client[64];
			struct datagram *request;

			(void)snprintf(client, sizeof(client),
				family == 0 ? "10.%zu.%zu.1" : "2001:db8:%zu%02zu::1", length / 100,
				length % 100);
			request = request_from(client, length);
			must_be_bounded(handler, state, request, length);
			free(request);
		}
}

/* simulate has to be opened: with its defaults it echoes. */
static void test_services(void **state)
{
	unsigned services = 0;

	(void)state;
	for (const struct dgram_handler *const *each = dgram_builtin_handlers(); *each != NULL;
		each++, services++) {
		static struct dgram_setting values[16];
		const struct dgram_start start = { .service = (*each)->name, .values = values };
		void *service = NULL, *worker = NULL;

		assert_true((*each)->parameters_count <= 16);
		for (size_t i = 0; i < (*each)->parameters_count; i++)
			values[i].number = (*each)->parameters[i].initial;
		if ((*each)->open != NULL)
			assert_int_equal((*each)->open(NULL, &start, &service), 0);
		worker = service;
		if ((*each)->worker_start != NULL)
			assert_int_equal((*each)->worker_start(service, &start, &worker), 0);
		door_set(
			&door, (*each)->max_reply_factor > 0 ? (*each)->max_reply_factor : 3, NULL);
		door.service = services;
		each_length(*each, worker);
		if ((*each)->worker_stop != NULL)
			(*each)->worker_stop(worker);
		if ((*each)->close != NULL)
			(*each)->close(service);
	}
	assert_int_equal(services, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_headers, make, end),
		cmocka_unit_test_setup_teardown(test_factor, make, end),
		cmocka_unit_test_setup_teardown(test_counted, make, end),
		cmocka_unit_test_setup_teardown(test_proof, make, end),
		cmocka_unit_test_setup_teardown(test_loops, make, end),
		cmocka_unit_test_setup_teardown(test_key, make, end),
		cmocka_unit_test_setup_teardown(test_services, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
