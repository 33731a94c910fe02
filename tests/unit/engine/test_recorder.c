/* The last requests of a worker, as any thread may read them. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/worker.h"

static struct worker worker;

static void begin(void)
{
	memset(&worker, 0, sizeof(worker));
	atomic_store(&worker.recorder.service, 3);
}

static void put(struct datagram *job, unsigned number, ssize_t result)
{
	job->length = number;
	job->arrived_ns = 1000;
	job->service_ns = 7 + number;
	worker_record(&worker, job, 1500 + number, result);
}

static void put_v4(unsigned number)
{
	struct datagram job = { .addr_bytes = sizeof(struct sockaddr_in) };

	job.client.in.sin_family = AF_INET;
	job.client.in.sin_port = htons((uint16_t)number);
	job.client.in.sin_addr.s_addr = htonl(0x7f000000 | number);
	put(&job, number, -(ssize_t)number);
}

static void must_be_the_last(unsigned number)
{
	struct recorded recorded[RECORDER_REQUESTS];
	unsigned expected = number < RECORDER_REQUESTS ? number : RECORDER_REQUESTS;

	assert_int_equal(recorder_read(&worker.recorder, recorded), expected);
	for (unsigned i = 0; i < expected; i++) {
		unsigned each = number - expected + i + 1;

		assert_int_equal(recorded[i].bytes, each);
		assert_int_equal(recorded[i].service, 3);
		assert_int_equal(recorded[i].wait_ns, 500 + each);
		assert_int_equal(recorded[i].begin_ns, 1500 + each);
		assert_int_equal(recorded[i].service_ns, 7 + each);
		assert_int_equal(recorded[i].result, -(int)each);
		assert_int_equal(recorded[i].client.in.sin_family, AF_INET);
		assert_int_equal(ntohs(recorded[i].client.in.sin_port), each);
		assert_int_equal(ntohl(recorded[i].client.in.sin_addr.s_addr), 0x7f000000 | each);
	}
}

static void the_last_ones_the_oldest_first(void **state)
{
	(void)state;
	begin();
	must_be_the_last(0);
	for (unsigned number = 1; number <= 3 * RECORDER_SLOTS; number++) {
		put_v4(number);
		must_be_the_last(number);
	}
}

/* In a slot that an IPv6 one had before, an IPv4 address is none of it. */
static void an_ipv6_client(void **state)
{
	struct datagram job = { .addr_bytes = sizeof(struct sockaddr_in6) };
	struct recorded recorded[RECORDER_REQUESTS];
	static const unsigned char zero[8];

	(void)state;
	begin();
	job.client.in6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_scope_id = 9
	};
	assert_int_equal(inet_pton(AF_INET6, "fe80::1:2", &job.client.in6.sin6_addr), 1);
	for (unsigned i = 1; i <= RECORDER_SLOTS; i++)
		put(&job, i, 12);
	assert_int_equal(recorder_read(&worker.recorder, recorded), RECORDER_REQUESTS);
	for (unsigned i = 0; i < RECORDER_REQUESTS; i++) {
		assert_memory_equal(
			&recorded[i].client.in6, &job.client.in6, sizeof(job.client.in6));
		assert_int_equal(recorded[i].result, 12);
	}
	put_v4(5);
	assert_int_equal(recorder_read(&worker.recorder, recorded), RECORDER_REQUESTS);
	assert_int_equal(recorded[15].client.in.sin_family, AF_INET);
	assert_memory_equal(recorded[15].client.in.sin_zero, zero, sizeof(zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones_the_oldest_first),
		cmocka_unit_test(an_ipv6_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
