/* `access` in server.json: what services get of it, its file, and what is wrong with either. */
/* link: -Wl,--wrap=calloc */
#include "support.h"

#include <errno.h>
#include <sys/stat.h>

static char folder[] = "/tmp/dgram-access-XXXXXX";

static unsigned left; /* allocations that succeed before one fails; 0: all do */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return left > 0 && --left == 0 ? NULL : __real_calloc(count, size);
}

static char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t length)
{
	FILE *file = fopen(in_folder(name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static struct config *load_text(const char *text)
{
	struct config *config = NULL;
	struct report report;

	report_init(&report);
	write_text("server.json", text);
	if (load_source(in_folder("server.json"), NULL, &report, &config) < 0)
		report_print(&report, stderr);
	assert_non_null(config);
	report_free(&report);
	return config;
}

/* "+10.0.0.0/8 -127.0.0.1": what a service lets in and what not, as they were read. */
static void must_be(const struct config *config, size_t service, const char *expected)
{
	const struct dgram_access *access = config_options(config)->services[service].access;
	char text[512] = "";
	size_t at = 0;

	assert_non_null(access);
	for (size_t i = 0; i < access->allow_count; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s+%s", at > 0 ? " " : "", access->allow[i]);
	for (size_t i = access->deny_count; i-- > 0;)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s-%s", at > 0 ? " " : "", access->deny[i]);
	assert_string_equal(text, expected);
}

static void of_the_top_and_of_services(void **state)
{
	struct config *config = load_text(
		"{\"access\": {\"allow\": [\"10.0.0.0/8\", \"::1\"], \"deny\": [\"10.1.0.0/16\"]},"
		"\"services\": [{\"port\": 1}, {\"name\": \"b\", \"port\": 2, \"access\": {}},"
		"{\"name\": \"c\", \"port\": 3, \"access\": {\"deny\": [\"10.2.0.0/16\"]}},"
		"{\"name\": \"d\", \"port\": 4, \"queue\": {\"capacity\": 7}}]}");

	(void)state;
	must_be(config, 0, "+10.0.0.0/8 +::1 -10.1.0.0/16");
	must_be(config, 1, "");
	must_be(config, 2, "-10.2.0.0/16");
	must_be(config, 3, "+10.0.0.0/8 +::1 -10.1.0.0/16");
	assert_ptr_equal(config_options(config)->services[0].access,
		config_options(config)->services[3].access);
	config_free(config);
	config = load_text("{\"access\": {\"allow\": [\"10.0.0.0/8\"]}}");
	must_be(config, 0, "+10.0.0.0/8");
	config_free(config);
	config = load_text("{}");
	must_be(config, 0, "");
	config_free(config);
}

static void from_sets(void **state)
{
	const char *const sets[] = { "access.allow=[\"10.0.0.0/8\"]",
		"services.1.access.deny=[\"127.0.0.1\"]", NULL };
	struct config *config = must_load(
		"{\"access\": {\"deny\": [\"10.1.0.0/16\"]}, \"services\": [{}, {\"name\": \"b\", \"port\": 1}]}",
		sets);

	(void)state;
	must_be(config, 0, "+10.0.0.0/8 -10.1.0.0/16");
	must_be(config, 1, "-127.0.0.1");
	config_free(config);
}

static void from_a_file(void **state)
{
	static const char list[] =
		"# all of it\n\n  deny\t0.0.0.0/0 # but\r\nallow 10.0.0.0/8\n \t\n"
		"deny 10.0.0.0/9#x\nallow 10.0.0.0/8\ndeny 2001:db8::/32";
	struct config *config;

	(void)state;
	write_text("list", list);
	config = load_text("{\"access\": {\"file\": \"list\", \"allow\": [\"::1\"]}}");
	must_be(config, 0, "+::1 +10.0.0.0/8 +10.0.0.0/8 -0.0.0.0/0 -10.0.0.0/9 -2001:db8::/32");
	config_free(config);
	write_text("list", "");
	config = load_text("{\"services\": [{\"access\": {\"file\": \"list\"}}]}");
	must_be(config, 0, "");
	config_free(config);
}

/* --- what is wrong */

/* The first message, which stands in this file. */
static void must_refuse(
	const char *text, const char *name, size_t line, size_t column, const char *message)
{
	struct config *config = NULL;
	size_t found_line, found_column;
	struct report report;

	report_init(&report);
	write_text("server.json", text);
	assert_int_equal(load_source(in_folder("server.json"), NULL, &report, &config), -EINVAL);
	assert_null(config);
	if (line > 0) {
		const char *found = read_position(
			report_line(&report, 0), in_folder(name), &found_line, &found_column);

		assert_string_equal(found, message);
		assert_int_equal(found_line, line);
		assert_int_equal(found_column, column);
		assert_non_null(strchr(report_excerpt(&report, 0), '^'));
	} else {
		char expected[256];

		snprintf(expected, sizeof(expected), "%s: error: %s", in_folder(name), message);
		assert_string_equal(report_line(&report, 0), expected);
	}
	report_free(&report);
}

static void wrong_lists(void **state)
{
	const char *name = "server.json";

	(void)state;
	must_refuse("{\"access\": {\"allow\": \"10.0.0.0/8\"}}", name, 1, 22,
		"access.allow: must be a list of prefixes, not a string");
	must_refuse("{\"access\": []}", name, 1, 12, "access: must be an object, not a list");
	must_refuse("{\"access\": {\"deny\": [1]}}", name, 1, 22,
		"access.deny: must be a prefix in a string, not a number");
	must_refuse("{\"access\": {\"deny\": [\"10.0.0.1/8\"]}}", name, 1, 22,
		"access.deny: has bits set behind the prefix; did you mean 10.0.0.0/8?");
	must_refuse("{\"access\": {\"deny\": [\"::\",\n\"10.0.0.0/33\"]}}", name, 2, 11,
		"access.deny: the length of an IPv4 prefix is a whole number from 0 to 32");
	must_refuse("{\"access\": {\"deny\": [\"10.0.0.0\\u002f33\"]}}", name, 1, 37,
		"access.deny: the length of an IPv4 prefix is a whole number from 0 to 32");
	must_refuse("{\"access\": {\"deny\": [\"a.example\"]}}", name, 1, 22,
		"access.deny: must be an address or a prefix, as 192.0.2.7, 192.0.2.0/24 or "
		"2001:db8::/32");
	must_refuse(
		"{\"services\": [{\"access\": {\"allow\": [\"::1\"],\n\"deny\": [\"::1/128\"]}}]}",
		name, 2, 10, "services.0.access: allows and denies ::1/128");
	must_refuse(
		"{\"access\": {\"deny\": [\"10.0.0.0/8\"], \"allow\": [\"::ffff:10.0.0.0/104\"]}}",
		name, 1, 22, "access: allows and denies 10.0.0.0/8");
	must_refuse("{\"access\": {\"alow\": []}}", name, 1, 13,
		"access.alow: unknown key; did you mean \"allow\"?");
	must_refuse("{\"deny\": []}", name, 1, 2, "deny: this key belongs in `access`");
}

static void wrong_line(const char *list, size_t line, size_t column, const char *message)
{
	write_text("list", list);
	must_refuse("{\"access\": {\"file\": \"list\", \"allow\": [\"10.0.0.0/8\"]}}", "list", line,
		column, message);
}

static void wrong_lines(void **state)
{
	const char *form = "a line is allow PREFIX, deny PREFIX or # comment";

	(void)state;
	wrong_line("10.0.0.0/8", 1, 1, form);
	wrong_line("\n\n  Allow 10.0.0.0/8\n", 3, 3, form);
	wrong_line("allowed 10.0.0.0/8\n", 1, 1, form);
	wrong_line("// no\n", 1, 1, form);
	wrong_line("allow\n", 1, 1, form);
	wrong_line(" allow # 10.0.0.0/8\n", 1, 2, form);
	wrong_line("deny 10.0.0.0/8 11.0.0.0/8\n", 1, 17, form);
	wrong_line("deny 10.0.0.0 /8\n", 1, 15, form);
	wrong_line("deny 10.0.0.1/8\n", 1, 6,
		"has bits set behind the prefix; did you mean 10.0.0.0/8?");
	wrong_line("deny ::/129\n", 1, 9,
		"the length of an IPv6 prefix is a whole number from 0 to 128");
	wrong_line("# x\ndeny 10.0.0.0/8", 2, 6, "access: allows and denies 10.0.0.0/8");
	wrong_line("allow 1.1.1.1\ndeny 1.1.1.1 \n", 2, 6, "access: allows and denies 1.1.1.1/32");
	wrong_line("# \xff\n", 1, 3, "not valid UTF-8");
	wrong_line("deny \x01\n", 1, 6, "a control character");
}

/* A word that is longer than any prefix. */
static void a_long_word(void **state)
{
	static char list[5000];

	(void)state;
	memset(list, '1', sizeof(list) - 1);
	memcpy(list, "deny ", 5);
	wrong_line(list, 1, 6,
		"must be an address or a prefix, as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32");
}

static void wrong_files(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
	must_refuse("{\"access\": {\"file\": \"nothing\"}}", "nothing", 0, 0,
		"No such file or directory");
	must_refuse("{\"access\": {\"file\": \"./\"}}", "./", 0, 0, "a directory, not a file");
	must_refuse("{\"access\": {\"file\": \"pipe\"}}", "pipe", 0, 0, "a pipe, not a file");
	must_refuse("{\"access\": {\"file\": \"-\"}}", "-", 0, 0, "No such file or directory");
	assert_int_equal(unlink(in_folder("pipe")), 0);
}

/* All errors are told, unless there are very many. */
static void many_errors(void **state)
{
	static char list[1000 * 5 + 1];
	struct config *config = NULL;
	struct report report;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(list + 5 * i, "what\n", 6);
	write_text("list", list);
	write_text("server.json", "{\"port\": -1, \"access\": {\"file\": \"list\"}}");
	report_init(&report);
	assert_int_equal(load_source(in_folder("server.json"), NULL, &report, &config), -EINVAL);
	assert_int_equal(report.count, 1 + 100 + 1);
	assert_non_null(strstr(report_line(&report, 101), ":101:1: error: the lines from here on"));
	report_free(&report);
}

static void without_memory(void **state)
{
	struct config *config = NULL;
	unsigned failed = 0;
	int r = -ENOMEM;

	(void)state;
	write_text("list", "deny ::1\n");
	write_text("server.json", "{\"services\": [{\"access\": {\"file\": \"list\"}}]}");
	for (unsigned number = 1; r < 0; number++) {
		struct report report;

		report_init(&report);
		left = number;
		r = load_source(in_folder("server.json"), NULL, &report, &config);
		left = 0;
		assert_true(r == 0 || r == -ENOMEM);
		assert_int_equal(report.count, 0);
		failed += r < 0;
		report_free(&report);
	}
	assert_in_range(failed, 9, 100); /* four tables of each list, and both */
	must_be(config, 0, "-::1");
	config_free(config);
}

/* --- what a reload changes */

static void note_change(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	char *notes = context;

	assert_true(live);
	sprintf(notes + strlen(notes), "%s %s>%s;", path, old_value, new_value);
}

static void must_change(struct config *from, struct config *to, const char *expected)
{
	char notes[1000] = "";

	(void)config_changes(from, to, note_change, notes);
	assert_string_equal(notes, expected);
	config_free(from);
	config_free(to);
}

/* More than a value's text shows, of which the last is 10.0.0.N. */
static struct config *load_long(unsigned last)
{
	static char text[32 * 1000];
	size_t at = (size_t)sprintf(text, "{\"access\": {\"deny\": [");

	for (unsigned i = 0; i < 1000; i++)
		at += (size_t)sprintf(text + at, "\"11.0.%u.%u\", ", i / 256, i % 256);
	sprintf(text + at, "\"10.0.0.%u\"]}}", last);
	return load_text(text);
}

static void note_long(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	unsigned *count = context;

	assert_string_equal(path, "access.deny");
	assert_true(live);
	assert_string_not_equal(old_value, new_value);
	assert_non_null(strstr(new_value, ", which has changed"));
	++*count;
}

static void changes_of_a_long_list(void **state)
{
	struct config *one = load_long(1), *same = load_long(1), *other = load_long(2);
	unsigned count = 0;

	(void)state;
	assert_int_equal(config_changes(one, same, note_long, &count), 0);
	assert_int_equal(config_changes(one, other, note_long, &count), 1);
	assert_int_equal(count, 1);
	config_free(one);
	config_free(same);
	config_free(other);
}

static void changes(void **state)
{
	const char *file = "{\"access\": {\"file\": \"list\"}}";
	struct config *before;

	(void)state;
	must_change(load_text("{}"),
		load_text("{\"access\": {\"allow\": [\"::1\", \"10.0.0.0/8\"]}}"),
		"access.allow none>::1, 10.0.0.0/8;");
	must_change(load_text("{\"access\": {\"deny\": []}}"), load_text("{}"), "");
	must_change(load_text("{\"access\": {\"deny\": [\"::1\"]}}"), load_text("{}"),
		"access.deny ::1>none;");
	write_text("list", "deny ::1 # x\n");
	before = load_text(file);
	must_change(before, load_text(file), "");
	before = load_text(file);
	write_text("list", "deny ::2 # x\n");
	must_change(before, load_text(file), "access.file list>list, which has changed;");
	must_change(load_text(file), load_text("{}"), "access.file list>;");
	must_change(load_text("{\"services\": [{}]}"),
		load_text("{\"access\": {\"deny\": [\"::1\"]}, \"services\": [{}]}"),
		"services.0.access.deny none>::1;");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(in_folder("list"));
	(void)unlink(in_folder("server.json"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_top_and_of_services),
		cmocka_unit_test(from_sets),
		cmocka_unit_test(from_a_file),
		cmocka_unit_test(wrong_lists),
		cmocka_unit_test(wrong_lines),
		cmocka_unit_test(a_long_word),
		cmocka_unit_test(wrong_files),
		cmocka_unit_test(many_errors),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(changes),
		cmocka_unit_test(changes_of_a_long_list),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
