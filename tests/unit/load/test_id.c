/* The number in a payload: where it stands, and which request an answer belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "load/payload.h"

static void must_parse(const char *text, size_t offset, size_t bytes, size_t answer_offset)
{
	struct load_id id;

	if (load_id_parse(text, &id) < 0)
		fail_msg("refused: %s", text);
	assert_int_equal(id.offset, offset);
	assert_int_equal(id.bytes, bytes);
	assert_int_equal(id.answer_offset, answer_offset);
}

static void must_refuse(const char *text)
{
	struct load_id id;

	if (load_id_parse(text, &id) != -EINVAL)
		fail_msg("accepted: %s", text);
}

static void parses(void **state)
{
	(void)state;
	must_parse("0:2", 0, 2, 0);
	must_parse("40:8:24", 40, 8, 24);
	must_parse("65507:1", 65507, 1, 65507);
	must_refuse("");
	must_refuse("2");
	must_refuse("0:0");
	must_refuse("0:9");
	must_refuse("0:2:");
	must_refuse("0:2:1:1");
	must_refuse(":2");
	must_refuse("-1:2");
	must_refuse("0: 2");
	must_refuse("65508:2");
	must_refuse("0:2:65508");
	must_refuse("99999999999999999999:2");
}

/* Request `number` is answered when `next` is the next one. */
static bool read_back(
	const struct load_payload *payload, uint64_t number, uint64_t next, uint64_t *ret_number)
{
	uint8_t bytes[16] = { 0 };
	struct load_answer answer = { bytes, sizeof(bytes) };

	load_id_write(&payload->id, payload->run + number, bytes);
	return load_payload_read_number(payload, &answer, next, ret_number);
}

static void must_read(const struct load_payload *payload, uint64_t number, uint64_t next)
{
	uint64_t found;

	assert_true(read_back(payload, number, next, &found));
	assert_int_equal(found, number);
}

static void the_newest_with_a_number_is_meant(void **state)
{
	static const uint64_t runs[] = { 0, 1, 255, 0xfffffffffffffff0 };
	uint64_t found;

	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		const struct load_payload payload = { .id = { 3, 1, 3 }, .run = runs[i] };

		must_read(&payload, 0, 1);
		must_read(&payload, 255, 256);
		must_read(&payload, 1, 256);
		must_read(&payload, 1000, 1001);
		must_read(&payload, 1000, 1256);
		assert_true(read_back(&payload, 1000, 1257, &found));
		assert_int_equal(found, 1256);
		assert_false(read_back(&payload, 0, 0, &found));
		assert_false(read_back(&payload, 7, 7, &found));
	}
}

static void what_was_never_sent_is_none(void **state)
{
	const struct load_payload payload = { .id = { 0, 8, 0 }, .run = 0xfffffffffffffffe };
	uint64_t found;

	(void)state;
	must_read(&payload, 0, 1);
	must_read(&payload, 5, 1000000);
	assert_false(read_back(&payload, 5, 5, &found));
	assert_false(read_back(&payload, 0x123456789, 5, &found));
}

static void is_where_it_should_be(void **state)
{
	const struct load_id id = { .offset = 1, .bytes = 2, .answer_offset = 4 };
	uint8_t bytes[6] = { 9, 9, 9, 9, 0xab, 0xcd };
	uint64_t value;

	(void)state;
	load_id_write(&id, 0x123456, bytes);
	assert_memory_equal(bytes, "\x09\x34\x56\x09\xab\xcd", 6);
	assert_true(load_id_read(&id, bytes, 6, &value));
	assert_int_equal(value, 0xabcd);
	assert_false(load_id_read(&id, bytes, 5, &value));
	assert_int_equal(load_id_count(&id), 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(the_newest_with_a_number_is_meant),
		cmocka_unit_test(what_was_never_sent_is_none),
		cmocka_unit_test(is_where_it_should_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
