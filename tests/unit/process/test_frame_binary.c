/* Binary frames: heads byte by byte, what is skipped, and what is bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/process/frame_support.h"

#define ID "\7\0\0\0\0\0\0\x80"
#define ID_VALUE (7 | UINT64_C(1) << 63)

/* The first frame behind the hello of a child that says these bytes. */
static enum frame_verdict listen_to(struct stream *stream, const char *said, size_t length)
{
	must_say(stream_open(stream, FRAME_BINARY, "dgram 1 binary\n"), FRAME_WHOLE);
	stream_add(stream, said, length);
	return stream_next(stream);
}

#define LISTEN(stream, said) listen_to(stream, said, sizeof(said) - 1)

static void test_frames(void **state)
{
	struct stream stream;

	(void)state;
	must_say(LISTEN(&stream, "\5\0\0\0\2\0\0\0" ID "hello"), FRAME_WHOLE);
	assert_int_equal(stream.frame.kind, FRAME_ANSWER);
	assert_true(stream.frame.id == ID_VALUE);
	assert_false(stream.frame.more);
	must_be(stream.frame.data, stream.frame.size, "hello", 5);
	must_say(LISTEN(&stream, "\5\0\0\0\2\xff\3\0" ID "metXY"), FRAME_WHOLE);
	assert_true(stream.frame.more);
	must_be(stream.frame.data, stream.frame.size, "XY", 2);
	must_say(LISTEN(&stream, "\0\0\0\0\2\xfe\0\0" ID), FRAME_WHOLE);
	assert_false(stream.frame.more);
	assert_int_equal(stream.frame.size, 0);
	must_say(LISTEN(&stream, "\0\0\0\0\3\1\0\0" ID), FRAME_WHOLE);
	assert_int_equal(stream.frame.kind, FRAME_NO_REPLY);
	assert_false(stream.frame.more);
	must_say(LISTEN(&stream, "\3\0\0\0\4\0\0\0" ID "why"), FRAME_WHOLE);
	assert_int_equal(stream.frame.kind, FRAME_ERROR);
	must_be(stream.frame.data, stream.frame.size, "why", 3);
}

static void test_skipped(void **state)
{
	struct stream stream;

	(void)state;
	must_say(LISTEN(&stream, "\3\0\0\0\6\0\1\0" ID "abc"
				 "\0\0\0\0\xff\0\0\0" ID "\0\0\0\0\1\0\0\0" ID
				 "\0\0\0\0\3\0\0\0\1\0\0\0\0\0\0\0"),
		FRAME_WHOLE);
	assert_int_equal(stream.frame.kind, FRAME_NO_REPLY);
	assert_int_equal(stream.frame.id, 1);
}

static void test_partial(void **state)
{
	static const char said[] = "\5\0\0\0\2\0\1\0" ID "Mhell";
	struct stream stream;

	(void)state;
	for (size_t length = 0; length < sizeof(said) - 1; length++) {
		must_say(listen_to(&stream, said, length), FRAME_PARTIAL);
		assert_int_equal(frame_reader_is_empty(&stream.reader), length == 0);
		stream_add(&stream, &said[length], sizeof(said) - 1 - length);
		must_say(stream_next(&stream), FRAME_WHOLE);
		must_be(stream.frame.data, stream.frame.size, "hell", 4);
	}
}

static void test_bad(void **state)
{
	struct stream stream;

	(void)state;
	must_say(LISTEN(&stream, "\0\0\0\0\0\0\0\0" ID), FRAME_BAD_KIND);
	must_say(LISTEN(&stream, "\4\0\0\0\2\0\5\0" ID "1234"), FRAME_BAD_META);
	must_say(LISTEN(&stream, "\xff\xff\xff\xff\2\0\0\0" ID), FRAME_TOO_LONG);
	must_say(LISTEN(&stream, "\xff\xff\xff\xff\x99\0\0\0" ID), FRAME_TOO_LONG);
	must_say(LISTEN(&stream, "Traceback (most recent call last"), FRAME_TOO_LONG);
}

static void test_longest(void **state)
{
	char said[16 + 1024 + LONGEST] = "\x64\0\0\0\2\0\0";
	struct stream stream;
	const size_t most = frame_reader_room(FRAME_BINARY, LONGEST) - 16;

	(void)state;
	must_say(listen_to(&stream, said, 16 + LONGEST), FRAME_WHOLE);
	assert_int_equal(stream.frame.size, LONGEST);
	said[0] = LONGEST + 1;
	must_say(listen_to(&stream, said, 16 + LONGEST + 1), FRAME_REPLY_TOO_LONG);
	said[6] = 1;
	must_say(listen_to(&stream, said, 16 + LONGEST + 1), FRAME_WHOLE);
	said[0] = (char)most;
	said[1] = (char)(most >> 8);
	said[4] = FRAME_ERROR;
	must_say(listen_to(&stream, said, 16), FRAME_PARTIAL);
	stream_add(&stream, &said[16], most);
	must_say(stream_next(&stream), FRAME_WHOLE);
	said[0]++;
	must_say(listen_to(&stream, said, 16), FRAME_TOO_LONG);
}

static void test_questions(void **state)
{
	const union addr client = address_of("2001:db8::1", 40000);
	const union addr local = address_of("127.0.0.1", 20000);
	const struct frame_question question = {
		.id = ID_VALUE,
		.client = &client,
		.local = &local,
		.arrival_ns = UINT64_MAX,
		.deadline_ns = 0,
		.size = 65507,
	};
	uint8_t head[FRAME_HEAD_MAX];

	(void)state;
	must_be(head, frame_binary_ask(&question, head),
		"\x1d\0\1\0\1\0\x3a\0" ID
		"[2001:db8::1]:40000\t127.0.0.1:20000\t18446744073709551615\t0",
		16 + 58);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
