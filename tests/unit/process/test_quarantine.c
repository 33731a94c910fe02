/* Requests that children died of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "process/quarantine.h"

static struct datagram *make_request(const char *host, uint16_t port, const char *text)
{
	struct datagram *request = calloc(1, sizeof(*request) + strlen(text) + 1);

	assert_non_null(request);
	assert_int_equal(addr_parse(host, port, &request->client), 0);
	request->length = (uint32_t)strlen(text);
	memcpy(request->data, text, request->length);
	return request;
}

/* Does quarantine that saw two deaths by the first request refuse the second? */
static bool refuses(const char *host, const char *text, int64_t after_ns)
{
	struct datagram *guilty = make_request("192.0.2.1", 2000, "guilty request");
	struct datagram *request = make_request(host, 3000, text);
	struct quarantine quarantine;
	uint64_t hash;
	bool refused;

	quarantine_init(&quarantine);
	hash = quarantine_hash(&quarantine, guilty);
	assert_false(quarantine_refuses(&quarantine, guilty, 1));
	assert_false(quarantine_note(&quarantine, hash, 1));
	assert_false(quarantine_refuses(&quarantine, guilty, 1));
	assert_true(quarantine_note(&quarantine, hash, 1));
	assert_true(quarantine_refuses(&quarantine, guilty, 1));
	refused = quarantine_refuses(&quarantine, request, 1 + after_ns);
	quarantine_destroy(&quarantine);
	free(guilty);
	free(request);
	return refused;
}

static void test_refuses_the_same_bytes_of_the_same_source(void **state)
{
	(void)state;
	assert_true(refuses("192.0.2.1", "guilty request", 0));
	assert_true(refuses("192.0.2.1", "guilty request", 59 * NS_PER_S));
	assert_false(refuses("192.0.2.1", "guilty request", 60 * NS_PER_S));
	assert_false(refuses("192.0.2.2", "guilty request", 0));
	assert_false(refuses("2001:db8::1", "guilty request", 0));
	assert_false(refuses("192.0.2.1", "guilty reques", 0));
	assert_false(refuses("192.0.2.1", "guilty requesT", 0));
	assert_false(refuses("192.0.2.1", "", 0));
}

static void test_two_deaths_a_minute_apart_are_one(void **state)
{
	struct quarantine quarantine;

	(void)state;
	quarantine_init(&quarantine);
	assert_false(quarantine_note(&quarantine, 7, 1));
	assert_false(quarantine_note(&quarantine, 7, 1 + 60 * NS_PER_S));
	assert_true(quarantine_note(&quarantine, 7, 2 + 60 * NS_PER_S));
	quarantine_destroy(&quarantine);
}

static void test_forgets_the_oldest_of_many(void **state)
{
	struct quarantine quarantine;

	(void)state;
	quarantine_init(&quarantine);
	for (uint64_t hash = 1; hash <= QUARANTINE_ENTRIES + 1; hash++)
		assert_false(quarantine_note(&quarantine, hash, 1));
	assert_true(quarantine_note(&quarantine, 2, 2));
	assert_false(quarantine_note(&quarantine, 1, 2));
	quarantine_destroy(&quarantine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_the_same_bytes_of_the_same_source),
		cmocka_unit_test(test_two_deaths_a_minute_apart_are_one),
		cmocka_unit_test(test_forgets_the_oldest_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
