/* Frames as lines of text: each byte there and back, what is skipped, and what is bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "unit/process/frame_support.h"

/* The first frame behind the hello of a child that says this. */
static enum frame_verdict listen_to(struct stream *stream, const char *said)
{
	must_say(stream_open(stream, FRAME_TEXT, "dgram 1 text\n"), FRAME_WHOLE);
	stream_add(stream, said, strlen(said));
	return stream_next(stream);
}

static void must_read(const char *said, enum frame_kind kind, uint64_t id, const char *data)
{
	struct stream stream;

	must_say(listen_to(&stream, said), FRAME_WHOLE);
	assert_int_equal(stream.frame.kind, kind);
	assert_int_equal(stream.frame.id, id);
	assert_false(stream.frame.more);
	must_be(stream.frame.data, stream.frame.size, data, strlen(data));
}

static void must_refuse(const char *said, enum frame_verdict expected)
{
	struct stream stream;

	must_say(listen_to(&stream, said), expected);
}

static void test_frames(void **state)
{
	(void)state;
	must_read("A\t1\thello\n", FRAME_ANSWER, 1, "hello");
	must_read("A\t18446744073709551615\t\n", FRAME_ANSWER, UINT64_MAX, "");
	must_read("A\t007\t a b \n", FRAME_ANSWER, 7, " a b ");
	must_read("A\t1\t\\0134\\0011\\0377\\0101\n", FRAME_ANSWER, 1, "\\\t\377A");
	must_read("A\t1\t\\01234\n", FRAME_ANSWER, 1, "S4");
	must_read("A\t1\t\303\244\177\r\n", FRAME_ANSWER, 1, "\303\244\177\r");
	must_read("A\t1\thello\tof later versions\\\n", FRAME_ANSWER, 1, "hello");
	must_read("N\t2\n", FRAME_NO_REPLY, 2, "");
	must_read("N\t2\tof later versions\\\n", FRAME_NO_REPLY, 2, "");
	must_read("E\t3\tno such name\n", FRAME_ERROR, 3, "no such name");
	must_read("E\t3\n", FRAME_ERROR, 3, "");
}

static void test_skipped(void **state)
{
	(void)state;
	must_read("X\t1\thello\\\nN\t2\n", FRAME_NO_REPLY, 2, "");
	must_read("STATUS\nN\t2\n", FRAME_NO_REPLY, 2, "");
	must_read("NO\t1\nQ\t1\t127.0.0.1:1\tx\nN\t2\n", FRAME_NO_REPLY, 2, "");
	must_refuse("X\t1\n", FRAME_PARTIAL);
}

static void test_bad(void **state)
{
	(void)state;
	must_refuse("\n", FRAME_BAD_KIND);
	must_refuse("\tA\n", FRAME_BAD_KIND);
	must_refuse("a\t1\thello\n", FRAME_BAD_KIND);
	must_refuse("A 1 hello\n", FRAME_BAD_KIND);
	must_refuse("Hello\n", FRAME_BAD_KIND);
	must_refuse("A\n", FRAME_BAD_ID);
	must_refuse("A\t\thello\n", FRAME_BAD_ID);
	must_refuse("A\t-1\thello\n", FRAME_BAD_ID);
	must_refuse("A\t1 \thello\n", FRAME_BAD_ID);
	must_refuse("A\t0x1\thello\n", FRAME_BAD_ID);
	must_refuse("A\t18446744073709551616\t\n", FRAME_BAD_ID);
	must_refuse("A\t1\n", FRAME_NO_DATA);
	must_refuse("A\t1\t\\\n", FRAME_BAD_ESCAPE);
	must_refuse("A\t1\t\\n\n", FRAME_BAD_ESCAPE);
	must_refuse("A\t1\t\\012\n", FRAME_BAD_ESCAPE);
	must_refuse("A\t1\t\\0128\n", FRAME_BAD_ESCAPE);
	must_refuse("A\t1\t\\0182\n", FRAME_BAD_ESCAPE);
	must_refuse("A\t1\t\\0400\n", FRAME_BAD_ESCAPE);
	must_refuse("A\t1\t\\1234\n", FRAME_BAD_ESCAPE);
	must_refuse("E\t1\tC:\\temp\n", FRAME_BAD_ESCAPE);
}

static void test_half_an_escape_at_a_tab(void **state)
{
	(void)state;
	must_refuse("A\t1\t\\01\t01\n", FRAME_BAD_ESCAPE);
}

static void test_longest(void **state)
{
	char said[700];
	struct stream stream;
	int length = snprintf(said, sizeof(said), "A\t1\t");

	(void)state;
	for (int i = 0; i < LONGEST; i++)
		length += snprintf(&said[length], sizeof(said) - (size_t)length, "\\0000");
	(void)snprintf(&said[length], sizeof(said) - (size_t)length, "\n");
	must_say(listen_to(&stream, said), FRAME_WHOLE);
	assert_int_equal(stream.frame.size, LONGEST);
	(void)snprintf(&said[length], sizeof(said) - (size_t)length, "x\n");
	must_refuse(said, FRAME_REPLY_TOO_LONG);
	said[0] = 'E';
	must_say(listen_to(&stream, said), FRAME_WHOLE);
	assert_int_equal(stream.frame.size, LONGEST + 1);
}

static size_t ask(const void *data, size_t size, uint8_t *text)
{
	const union addr client = address_of("192.0.2.1", 40000);
	const struct frame_question question = {
		.id = 7, .client = &client, .data = data, .size = size
	};

	return frame_text_ask(&question, text);
}

static void test_questions(void **state)
{
	uint8_t text[FRAME_TEXT_MAX(10)];

	(void)state;
	must_be(text, ask("", 0, text), "Q\t7\t192.0.2.1:40000\t\n", 21);
	must_be(text, ask(" ~\\\n\t", 5, text), "Q\t7\t192.0.2.1:40000\t ~\\0134\\0012\\0011\n",
		38);
	must_be(text, ask("\0\177\377", 3, text), "Q\t7\t192.0.2.1:40000\t\\0000\\0177\\0377\n",
		36);
}

/* What a question has, an answer can have. */
static void test_each_byte_comes_back(void **state)
{
	uint8_t all[64], text[FRAME_TEXT_MAX(sizeof(all)) + 1];
	struct stream stream;

	(void)state;
	for (unsigned first = 0; first < 256; first += sizeof(all)) {
		size_t begin = strlen("Q\t7\t192.0.2.1:40000");

		for (unsigned i = 0; i < sizeof(all); i++)
			all[i] = (uint8_t)(first + i);
		text[ask(all, sizeof(all), text)] = '\0';
		memcpy(&text[begin - 3], "A\t7", 3);
		must_say(listen_to(&stream, (const char *)&text[begin - 3]), FRAME_WHOLE);
		must_be(stream.frame.data, stream.frame.size, (const char *)all, sizeof(all));
	}
}

static void test_longest_question(void **state)
{
	static uint8_t data[65507], text[FRAME_TEXT_MAX(sizeof(data))];

	(void)state;
	assert_int_equal(ask(data, sizeof(data), text), 21 + 5 * sizeof(data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_half_an_escape_at_a_tab),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_each_byte_comes_back),
		cmocka_unit_test(test_longest_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
