/* The scanner: what it accepts, where things stand, and that cJSON sees the same values. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/scan.h"
#include "json/utf8.h"
#include "scaled.h"

/* The nodes of cJSON's tree in its order, compared with the scanner's. */
static bool same_tree(const cJSON *item, const struct scan *scan, const char *text, uint32_t *index)
{
	const struct scan_node *node = &scan->nodes[*index];
	char first = text[node->offset];

	if (*index >= scan->count || (item->string != NULL) != (node->key_length > 0))
		return false;
	if (cJSON_IsString(item) != (first == '"') || cJSON_IsObject(item) != (first == '{') ||
		cJSON_IsArray(item) != (first == '['))
		return false;
	if (cJSON_IsNumber(item) && !(first == '-' || (first >= '0' && first <= '9')))
		return false;
	++*index;
	for (const cJSON *child = item->child; child; child = child->next) {
		if (!same_tree(child, scan, text, index))
			return false;
	}
	return *index == node->end;
}

/* cJSON must have the same values. */
static void must_be_the_same(const char *text, size_t length, const struct scan *scan)
{
	uint32_t index = 0;
	cJSON *root = cJSON_ParseWithLength(text, length);
	bool same = root && same_tree(root, scan, text, &index) && index == scan->count;

	if (!same)
		print_error("the scanner and cJSON differ: %s\n", text);
	assert_true(same);
	cJSON_Delete(root);
}

/* The error that ends the scan has its message, and a place in the text. */
static void must_be_errors(const struct scan_errors *errors, size_t length)
{
	assert_in_range(errors->count, 1, SCAN_ERRORS_MAX);
	for (unsigned i = 0; i < errors->count; i++) {
		const struct scan_error *error = &errors->list[i];

		assert_non_null(error->message);
		assert_true(error->offset <= length && error->length <= length - error->offset);
	}
}

/* True when the scanner accepts it. */
static bool accepts(const char *text, size_t length)
{
	char *copy = malloc(length + 1);
	struct scan scan;
	struct scan_errors errors;
	int r;

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy[length] = '\0';
	r = scan_text(copy, length, &scan, &errors);
	if (r == 0) {
		assert_int_equal(errors.count, 0);
	} else {
		assert_int_equal(r, -EINVAL);
		must_be_errors(&errors, length);
	}
	if (r == 0 || scan.count > 0)
		must_be_the_same(copy, length, &scan);
	scan_free(&scan);
	free(copy);
	return r == 0;
}

static void must_accept(const char *text)
{
	if (!accepts(text, strlen(text)))
		fail_msg("refused: %s", text);
}

static void must_refuse(const char *text)
{
	if (accepts(text, strlen(text)))
		fail_msg("accepted: %s", text);
}

static void test_good_texts(void **state)
{
	(void)state;
	must_accept("{}");
	must_accept(" [ ] ");
	must_accept("null");
	must_accept("-0.0e-0");
	must_accept("\"\"");
	must_accept("[1,2,{\"a\":[],\"b\":{\"c\":null}},true,false]");
	must_accept("/**/{/*x*/\"a\"//\n:/***/1/*,*/}//");
	must_accept("\"// no /* comment */\"");
	must_accept("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80\"}");
	must_accept("{\"a\":1,\"a\":2}");
	must_accept("\r\n\t {\r\n}\r\n");
	must_accept("\"\x7f\"");
	must_accept("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	must_accept("0.1234567890123456789012345678901234567890123456789012345678901");
	must_accept("[1e308,-1e308,2.2250738585072014e-308]");
}

/* What cJSON would accept. */
static void test_refused_texts(void **state)
{
	(void)state;
	must_refuse("007");
	must_refuse("1.");
	must_refuse("1e400");
	must_refuse("{} x");
	must_refuse("1234567890123456789012345678901234567890123456789012345678901234");
	must_refuse("\"\\u0000\"");
	must_refuse("\"\n\"");
	must_refuse("\x01{}");
	must_refuse("\xef\xbb\xbf{}");
	must_refuse("\"\xff\"");
	must_refuse("/");
	must_refuse("/*");
	must_refuse("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	assert_false(accepts("{}\0", 3));
	assert_false(accepts("{\0}", 3));
}

static void test_spans(void **state)
{
	char text[] = "{ /* x */ \"a\": [1, \"b\"], // y\n \"c\\\"\" : {} }";
	const struct {
		uint32_t offset, length, key_offset, key_length, end;
	} expected[] = { { 0, 43, 0, 0, 5 }, { 15, 8, 10, 3, 4 }, { 16, 1, 0, 0, 3 },
		{ 19, 3, 0, 0, 4 }, { 39, 2, 31, 5, 5 } };
	struct scan scan;
	struct scan_errors errors;

	(void)state;
	assert_int_equal(scan_text(text, strlen(text), &scan, &errors), 0);
	assert_int_equal(scan.count, 5);
	for (size_t i = 0; i < scan.count; i++) {
		assert_int_equal(scan.nodes[i].offset, expected[i].offset);
		assert_int_equal(scan.nodes[i].length, expected[i].length);
		assert_int_equal(scan.nodes[i].key_offset, expected[i].key_offset);
		assert_int_equal(scan.nodes[i].key_length, expected[i].key_length);
		assert_int_equal(scan.nodes[i].end, expected[i].end);
	}
	assert_null(strchr(text, '/'));
	assert_int_equal(strchr(text, '\n') - text, 29);
	scan_free(&scan);
}

/* `places`: the offsets of the errors; `values`: how many were noted. */
static void must_find(const char *text, const char *places, unsigned values)
{
	char copy[256], found[256] = "";
	struct scan scan;
	struct scan_errors errors;

	strcpy(copy, text);
	assert_int_equal(scan_text(copy, strlen(copy), &scan, &errors), -EINVAL);
	for (unsigned i = 0; i < errors.count; i++) {
		size_t length = strlen(found);

		snprintf(found + length, sizeof(found) - length, "%s%zu", i > 0 ? " " : "",
			errors.list[i].offset);
	}
	assert_string_equal(found, places);
	assert_int_equal(scan.count, values);
	if (values > 0)
		must_be_the_same(copy, strlen(copy), &scan);
	scan_free(&scan);
}

static void test_commas_too_many(void **state)
{
	(void)state;
	must_find("[1,]", "2", 2);
	must_find("[1 , /* x */ ]", "3", 2);
	must_find("{\"a\":[1,],\"b\":{\"c\":2,},}", "7 20 22", 5);
	must_find("{\"a\":[1,],\"b\":x,}", "7 14", 0);
	must_find("[1,] // \x01", "2 8", 0);
	must_find("[\x01,1,]", "1", 0);
	must_find("[,]", "1", 0);
	must_find("[1,,]", "3", 0);
	must_find("[1,", "3", 0);
	must_find("[[],[0,],[1,],[2,],[3,],[4,],[5,],[6,],[7,],[8,],[9,],[0,],[1,],[2,],[3,],[4,]]",
		"6 11 16 21 26 31 36 41 46 51 56 61 66 71 76", 32);
	must_find(
		"[[0,],[0,],[1,],[2,],[3,],[4,],[5,],[6,],[7,],[8,],[9,],[0,],[1,],[2,],[3,],[4,],]",
		"3 8 13 18 23 28 33 38 43 48 53 58 63 68 73 78", 0);
}

static void must_decode(const char *text, size_t bytes)
{
	uint32_t code;

	assert_int_equal(utf8_decode(text, strlen(text), &code), bytes);
}

static void test_utf8(void **state)
{
	(void)state;
	must_decode("a", 1);
	must_decode("\xc2\x80", 2);
	must_decode("\xdf\xbf", 2);
	must_decode("\xe0\xa0\x80", 3);
	must_decode("\xef\xbf\xbf", 3);
	must_decode("\xf0\x90\x80\x80", 4);
	must_decode("\xf4\x8f\xbf\xbf", 4);
	must_decode("\x80", 0);
	must_decode("\xc1\xbf", 0);
	must_decode("\xc2", 0);
	must_decode("\xc2\x41", 0);
	must_decode("\xe0\x9f\xbf", 0);
	must_decode("\xed\xa0\x80", 0);
	must_decode("\xf0\x8f\xbf\xbf", 0);
	must_decode("\xf4\x90\x80\x80", 0);
	must_decode("\xf8\x88\x80\x80", 0);
	must_decode("", 0);
}

static uint32_t random_below(uint64_t *seed, size_t limit)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % limit);
}

/* Delete, insert, replace or double a piece of the text. */
static size_t mutate(char *text, size_t length, size_t size, uint64_t *seed)
{
	static const char *const pieces[] = { "{", "}", "[", "]", ",", ":", "\"", "\\", "//", "/*",
		"*/", "\n", "\t", " ", "0", "1", "-", ".", "e5", "E+9", "true", "null", "\\u0041",
		"\\ud83d\\ude00", "\\u0000", "\xc3\xbc", "\xff", "\"a\":1,", "[[[[", "1e999",
		"{}" };
	size_t at = random_below(seed, length + 1);
	const char *piece = pieces[random_below(seed, sizeof(pieces) / sizeof(pieces[0]))];
	size_t added = strlen(piece), removed = random_below(seed, 4);

	if (random_below(seed, 3) == 0)
		added = 0;
	if (removed > length - at)
		removed = length - at;
	if (length - removed + added > size)
		return length;
	memmove(text + at + added, text + at + removed, length - at - removed);
	memcpy(text + at, piece, added);
	return length - removed + added;
}

static void test_mutations(void **state)
{
	static const char *const texts[] = {
		"{\"host\":\"::1\",\"port\":1,\"queue\":{\"capacity\":4096}}",
		"[1,-2.5e3,\"a\\n\\u00fc\",null,true,{\"x\":[[],{}]}] // end",
		"/* a */{\"services\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
		"\"\\\"\\\\\\/ \xc3\xbc\"",
	};
	uint64_t seed = 20000;
	unsigned accepted = 0, rounds = scaled(300000);
	char text[256];

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		const char *original = texts[i % (sizeof(texts) / sizeof(texts[0]))];
		size_t length = strlen(original);

		memcpy(text, original, length);
		for (uint32_t n = 1 + random_below(&seed, 3); n > 0; n--)
			length = mutate(text, length, sizeof(text), &seed);
		accepted += accepts(text, length);
	}
	print_message("%u of %u accepted\n", accepted, rounds);
	assert_true(accepted > rounds / 50 && accepted < rounds / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_texts),
		cmocka_unit_test(test_refused_texts),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_commas_too_many),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
