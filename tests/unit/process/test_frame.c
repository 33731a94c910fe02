/* The hello and the welcome, the reader's buffer, and the reasons of bad frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/process/frame_support.h"

static void test_hello(void **state)
{
	struct stream stream;

	(void)state;
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 1 text\n"), FRAME_WHOLE);
	assert_int_equal(stream.frame.kind, FRAME_HELLO);
	must_say(stream_next(&stream), FRAME_PARTIAL);
	assert_true(frame_reader_is_empty(&stream.reader));
	must_say(stream_open(&stream, FRAME_BINARY, "dgram 1 binary\n"), FRAME_WHOLE);
	must_say(stream_open(&stream, FRAME_BINARY, "dgram 1 binary of later versions\n"),
		FRAME_WHOLE);
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 1 binary\n"), FRAME_BAD_FORM);
	must_say(stream_open(&stream, FRAME_BINARY, "dgram 1 text\n"), FRAME_BAD_FORM);
	must_say(stream_open(&stream, FRAME_TEXT, ""), FRAME_PARTIAL);
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 1 tex"), FRAME_PARTIAL);
	assert_false(frame_reader_is_empty(&stream.reader));
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 1 texts\n"), FRAME_BAD_HELLO);
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 1\n"), FRAME_BAD_HELLO);
	must_say(stream_open(&stream, FRAME_TEXT, "\n"), FRAME_BAD_HELLO);
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 2"), FRAME_BAD_HELLO);
	must_say(stream_open(&stream, FRAME_TEXT, "Traceback"), FRAME_BAD_HELLO);
}

static void test_hello_without_end(void **state)
{
	char line[ROOM + 1] = "dgram 1 text ";
	struct stream stream;

	(void)state;
	memset(&line[strlen(line)], 'x', sizeof(line) - strlen(line) - 1);
	must_say(stream_open(&stream, FRAME_TEXT, line), FRAME_TOO_LONG);
}

static void test_welcome(void **state)
{
	static const char binary[] = "\16\0\0\0\5\0\16\0\0\0\0\0\0\0\0\0"
				     "1\ttime\t8192\t32";
	uint8_t frame[FRAME_HEAD_MAX];

	(void)state;
	must_be(frame, frame_welcome(FRAME_TEXT, "time", 8192, 1, frame), "H\t1\ttime\t8192\t1\n",
		16);
	must_be(frame, frame_welcome(FRAME_BINARY, "time", 8192, 32, frame), binary,
		sizeof(binary) - 1);
}

/* Whatever the pieces are in which the stream comes. */
static void test_pieces(void **state)
{
	static const char said[] = "dgram 1 text\nA\t1\tone\nA\t2\t\\0164wo\nN\t3\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(said); piece++) {
		struct stream stream;
		uint64_t seen = 0;

		stream_init(&stream, FRAME_TEXT);
		for (size_t at = 0; at < sizeof(said) - 1; at += piece) {
			size_t size = sizeof(said) - 1 - at;

			stream_add(&stream, &said[at], size < piece ? size : piece);
			while (stream_next(&stream) == FRAME_WHOLE)
				seen = seen * 10 + (uint64_t)stream.frame.kind * 2 +
				       stream.frame.id;
		}
		assert_int_equal(seen, 569);
		assert_true(frame_reader_is_empty(&stream.reader));
	}
}

/* What is too long is said before the buffer is full. */
static void test_space_is_left(void **state)
{
	struct stream stream;

	(void)state;
	must_say(stream_open(&stream, FRAME_TEXT, "dgram 1 text\nA\t1\t"), FRAME_WHOLE);
	while (stream_next(&stream) == FRAME_PARTIAL)
		stream_add(&stream, "x", 1);
	must_say(stream_next(&stream), FRAME_TOO_LONG);
	assert_int_equal(stream.reader.end - stream.reader.begin, ROOM);
}

static void test_reasons(void **state)
{
	(void)state;
	for (int verdict = FRAME_BAD_HELLO; verdict <= FRAME_REPLY_TOO_LONG; verdict++)
		assert_true(strlen(frame_explain((enum frame_verdict)verdict)) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_hello_without_end),
		cmocka_unit_test(test_welcome),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_space_is_left),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
