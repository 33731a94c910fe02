/* The figures of a service: each has its row in the table, and the log and the statistics say the same. */
#include <stdlib.h>

#include "server_support.h"

static ssize_t handle(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	(void)state;
	(void)size;
	memcpy(reply, request->data, request->length);
	switch (request->length) {
	case 1:
		return DGRAM_NO_REPLY;
	case 2:
		return -EIO;
	default:
		return (ssize_t)request->length;
	}
}

static bool verify(void *state, const struct dgram_request *request)
{
	(void)state;
	return request->length != 3;
}

static const struct dgram_handler handler = { DGRAM_ABI, "handler", .handle = handle,
	.verify = verify };

/* So many of each length, whose end is another one; and one that is too long. */
static void serve_all(struct dgram_server *server)
{
	static const unsigned counts[] = { 7, 1, 2, 3, 4 };
	static const char data[600] = "";
	int client = client_of(server, 0);
	uint64_t sent = 1;

	for (unsigned length = 0; length < 5; length++)
		for (unsigned i = 0; i < counts[length]; i++, sent++)
			tell(client, data, length);
	tell(client, data, sizeof(data));
	await_received(server, 0, sent);
	stop(server);
	close(client);
}

static uint64_t counter(const struct dgram_service_stats *stats, const char *name)
{
	for (size_t i = 0; i < stats->counters_count; i++)
		if (strcmp(stats->counters[i].name, name) == 0)
			return stats->counters[i].value;
	fail_msg("no counter %s", name);
	return 0;
}

static void each_figure_is_what_it_is(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats stats;

	(void)state;
	setup_init(&setup, &handler);
	server = start(&setup);
	serve_all(server);
	stats = check_closed(server, 0);
	assert_int_equal(stats.received, 18);
	assert_int_equal(stats.replied, 11);
	assert_int_equal(stats.no_reply, 1);
	assert_int_equal(reason(stats.failed, "handler"), 2);
	assert_int_equal(reason(stats.dropped, "verify"), 3);
	assert_int_equal(reason(stats.dropped, "truncated"), 1);
	dgram_server_free(server);
}

/* By its name; and none has two. */
static void the_table_has_them_all(void **state)
{
	struct setup setup;
	struct dgram_server *server;
	struct dgram_service_stats stats;
	char name[64];

	(void)state;
	setup_init(&setup, &handler);
	server = start(&setup);
	serve_all(server);
	stats = check_closed(server, 0);
	assert_int_equal(counter(&stats, "received"), stats.received);
	assert_int_equal(counter(&stats, "replied"), stats.replied);
	assert_int_equal(counter(&stats, "no_reply"), stats.no_reply);
	assert_int_equal(counter(&stats, "queued_max"), stats.queued_max);
	for (size_t i = 0; i < stats.dropped_count; i++) {
		(void)snprintf(name, sizeof(name), "dropped_%s", stats.dropped[i].name);
		assert_int_equal(counter(&stats, name), stats.dropped[i].count);
	}
	for (size_t i = 0; i < stats.failed_count; i++) {
		(void)snprintf(name, sizeof(name), "failed_%s", stats.failed[i].name);
		assert_int_equal(counter(&stats, name), stats.failed[i].count);
	}
	assert_true(stats.dropped_count >= 10 && stats.failed_count >= 8);
	for (size_t i = 0; i < stats.counters_count; i++) {
		assert_true(strlen(stats.counters[i].unit) > 0);
		assert_int_equal(
			stats.counters[i].sentence[strlen(stats.counters[i].sentence) - 1], '.');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(stats.counters[i].name, stats.counters[j].name);
	}
	dgram_server_free(server);
}

/* Each field of the last line, in its order, and nothing else. */
static void the_log_has_the_same(void **state)
{
	char path[] = "/tmp/dgramd-books-XXXXXX", line[4096], *word = NULL;
	int fd = mkstemp(path);
	struct dgram_service_stats stats;
	struct dgram_server *server;
	struct setup setup;
	size_t fields = 0;
	FILE *log;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	setup_init(&setup, &handler);
	setup.options.log_target = path;
	server = start(&setup);
	serve_all(server);
	stats = check_closed(server, 0);
	log = fopen(path, "re");
	assert_non_null(log);
	while (word == NULL && fgets(line, sizeof(line), log) != NULL)
		word = strstr(line, " ledger service=handler ");
	(void)fclose(log);
	unlink(path);
	assert_non_null(word);
	(void)strtok(word, " \n"); /* ledger, and then the service */
	(void)strtok(NULL, " \n");
	while ((word = strtok(NULL, " \n")) != NULL) {
		char expected[80];

		assert_true(fields < stats.counters_count);
		(void)snprintf(expected, sizeof(expected), "%s=%llu", stats.counters[fields].name,
			(unsigned long long)stats.counters[fields].value);
		assert_string_equal(word, expected);
		fields++;
	}
	assert_int_equal(fields, stats.counters_count);
	dgram_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_figure_is_what_it_is),
		cmocka_unit_test(the_table_has_them_all),
		cmocka_unit_test(the_log_has_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
