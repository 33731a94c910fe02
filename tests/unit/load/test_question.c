/* The requests of protocols that dgramload knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "load/question.h"

#define HEADER "\0\0\1\0\0\1\0\0\0\0\0\0"

/* `tail`: what follows the header. */
static void must_ask(const char *text, const char *tail, size_t length)
{
	struct load_question question;

	if (load_question_dns(text, &question) < 0)
		fail_msg("refused: %s", text);
	assert_int_equal(question.length, 12 + length);
	assert_memory_equal(question.bytes, HEADER, 12);
	assert_memory_equal(question.bytes + 12, tail, length);
}

#define must_ask_for(text, tail) must_ask(text, tail, sizeof(tail) - 1)

static void must_refuse(const char *text)
{
	struct load_question question;

	if (load_question_dns(text, &question) != -EINVAL)
		fail_msg("accepted: %s", text);
}

static void dns(void **state)
{
	struct load_question question;
	char longest[300];

	(void)state;
	must_ask_for("example.com", "\7example\3com\0\0\1\0\1");
	must_ask_for("example.com.", "\7example\3com\0\0\1\0\1");
	must_ask_for("a/aaaa", "\1a\0\0\34\0\1");
	must_ask_for("./NS", "\0\0\2\0\1");
	must_ask_for("a/257", "\1a\0\1\1\0\1");
	must_refuse("");
	must_refuse("/A");
	must_refuse("a..b");
	must_refuse(".a");
	must_refuse("a..");
	must_refuse("a/");
	must_refuse("a/0");
	must_refuse("a/65536");
	must_refuse("a/B");
	must_refuse("a/1x");
	memset(longest, 'a', sizeof(longest));
	for (int i = 63; i < 253; i += 64)
		longest[i] = '.';
	longest[253] = '\0';
	assert_int_equal(load_question_dns(longest, &question), 0);
	assert_int_equal(question.length, 12 + 255 + 4);
	longest[253] = 'a';
	longest[254] = '\0';
	must_refuse(longest);
	longest[64] = '\0';
	longest[63] = 'a';
	must_refuse(longest);
}

static void ntp(void **state)
{
	struct load_question question;
	uint8_t zeros[47] = { 0 };

	(void)state;
	load_question_ntp(&question);
	assert_int_equal(question.length, 48);
	assert_int_equal(question.bytes[0], 0x23);
	assert_memory_equal(question.bytes + 1, zeros, sizeof(zeros));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns),
		cmocka_unit_test(ntp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
