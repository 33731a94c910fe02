/* What the scanner accepts, cJSON accepts with the same number of values. Whatever the bytes are,
 * loading them as a file or a --set ends with messages or with a configuration that, once printed,
 * loads again; and so if memory ends at any moment.
 */
/* parses: json/scan json/document json/element json/report json/utf8 base/suggest */
/* parses: config/check config/config config/decode config/options config/params config/services config/values */
/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup,--wrap=reallocarray */
#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "daemon/handlers.h"
#include "json/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t limit);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t limit);

static unsigned allocations;
static unsigned first_failed; /* of them, from which on all fail; 0: none */

static bool there_is_memory(void)
{
	allocations++;
	return first_failed == 0 || allocations < first_failed;
}

void *__wrap_malloc(size_t size)
{
	return there_is_memory() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return there_is_memory() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
	return there_is_memory() ? __real_realloc(memory, size) : NULL;
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return there_is_memory() ? __real_reallocarray(memory, count, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
	return there_is_memory() ? __real_strdup(text) : NULL;
}

char *__wrap_strndup(const char *text, size_t limit)
{
	return there_is_memory() ? __real_strndup(text, limit) : NULL;
}

static uint32_t count_items(const cJSON *item)
{
	uint32_t count = 1;

	for (const cJSON *child = item->child; child; child = child->next)
		count += count_items(child);
	return count;
}

static int scan_both(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct scan scan;
	struct scan_errors errors;
	int r;

	assert(text);
	memcpy(text, data, size);
	r = scan_text(text, size, &scan, &errors);
	if ((r == 0) != (errors.count == 0) || (r == 0 && scan.count == 0))
		abort();
	if (scan.count > 0) {
		cJSON *root = cJSON_ParseWithLength(text, size);

		if (!root || count_items(root) != scan.count)
			abort();
		cJSON_Delete(root);
		scan_free(&scan);
	}
	for (unsigned i = 0; i < errors.count; i++) {
		const struct scan_error *error = &errors.list[i];

		if (error->offset > size || error->length > size - error->offset)
			abort();
	}
	free(text);
	return r;
}

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static const char *const words[] = { "one", "two", NULL };
static const struct dgram_parameter parameters[] = {
	{ "number", DGRAM_NUMBER, .maximum = 5, .sentence = "A number." },
	{ "text", DGRAM_TEXT, .maximum = 5, .sentence = "A text.", .required = true },
	{ "word", DGRAM_WORD, .words = words, .sentence = "A word." },
	{ "texts", DGRAM_TEXTS, .maximum = 3, .sentence = "A list." },
	{ "flag", DGRAM_BOOLEAN, .initial = 1, .sentence = "A flag." },
};

/* Has an option of each type. */
static const struct dgram_handler fuzzed = { .abi = DGRAM_ABI,
	.name = "fuzzed",
	.handle = handle,
	.parameters = parameters,
	.parameters_count = sizeof(parameters) / sizeof(parameters[0]) };

/* The built-in ones, and that one; what is loaded borrows them. */
static const struct config_handlers *all_handlers(void)
{
	static const struct dgram_handler *list[32];
	static struct handlers handlers;
	const struct dgram_handler *const *builtin = dgram_builtin_handlers();
	size_t count = 0;

	if (handlers.config.listed)
		return &handlers.config;
	for (; builtin[count]; count++)
		list[count] = builtin[count];
	list[count] = &fuzzed;
	if (handlers_init(&handlers, list) < 0)
		abort();
	return &handlers.config;
}

/* It is shown on a terminal. */
static void check_report(const struct report *report)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert(file);
	if (report_print(report, file) < 0 || fclose(file) != 0)
		abort();
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t') ||
			text[i] == 0x7f)
			abort();
	free(text);
}

/* `sets`: up to the first NULL. */
static int load(const char *path, const char *const *sets, struct config **ret_config)
{
	struct config_source source = { path, sets, 0, all_handlers() };
	struct config *config = NULL;
	struct report report;
	int r;

	while (sets[source.sets_count])
		source.sets_count++;
	report_init(&report);
	r = config_load(&source, &report, &config);
	if (r == -ENOMEM ? first_failed == 0
			 : (r == 0) != (report.count == 0) || (r != 0 && r != -EINVAL))
		abort();
	for (size_t i = 0; r != -ENOMEM && i < report.count; i++) {
		if (strchr(report_line(&report, i), '\n'))
			abort();
	}
	if (r == -EINVAL) {
		check_report(&report);
		if (strlen(config_log_format(&source)) == 0)
			abort();
	}
	report_free(&report);
	*ret_config = config;
	return r;
}

static void ignore_change(
	void *context, const char *path, const char *old_value, const char *new_value, bool live)
{
	(void)context, (void)path, (void)old_value, (void)new_value, (void)live;
}

static int load_twice(const char *path, const char *const *sets)
{
	static const char *const none[] = { NULL };
	struct config *config, *again = NULL;
	int r = load(path, sets, &config), fd;
	FILE *file;
	char printed[40];

	if (r < 0)
		return r;
	fd = memfd_create("printed", MFD_CLOEXEC);
	file = fdopen(fd, "w");
	assert(file);
	snprintf(printed, sizeof(printed), "/proc/self/fd/%d", fd);
	config_print(config, file);
	if (fflush(file) != 0 || load(printed, none, &again) < 0 ||
		config_changes(config, again, ignore_change, NULL) != 0)
		abort();
	fclose(file);
	config_free(config);
	config_free(again);
	return 0;
}

/* Each text has its own moments at which there is no memory any more. */
static void load_without_memory(const char *path, const char *const *sets, size_t size)
{
	struct config *config = NULL;
	unsigned needed = allocations;

	(void)load(path, sets, &config);
	config_free(config);
	needed = allocations - needed;
	allocations = 0;
	first_failed = 1 + (unsigned)(size * 7919 % needed);
	config = NULL;
	(void)load(path, sets, &config);
	first_failed = 0;
	config_free(config);
}

/* What is no file. */
static void load_no_files(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/", "/nowhere/server.json", "/dev/null", "" };
	const char *const none[] = { NULL };
	struct config *config;

	if (size > 0 && load(paths[data[0] % 4], none, &config) == 0)
		abort();
}

/* The bytes as a file, also with a handler that has options; and as a --set with it. */
static int load_all(const uint8_t *data, size_t size, const char *path)
{
	char *text = strndup((const char *)data, size);
	const char *const none[] = { NULL },
			  *const simulate[] = { "handler=fuzzed", "options.text=a", NULL },
			  *const set[] = { simulate[0], simulate[1], text, NULL };
	int r;

	assert(text);
	r = load_twice(path, none);
	load_twice(path, simulate);
	load_twice(NULL, set);
	load_no_files(data, size);
	load_without_memory(path, simulate, size);
	load_without_memory(NULL, set, size);
	free(text);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[40];
	int scanned;

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	cJSON_InitHooks(&(cJSON_Hooks){ __wrap_malloc, free });
	scanned = scan_both(data, size);
	if (load_all(data, size, path) == 0 && scanned < 0)
		abort();
	close(fd);
	return 0;
}
