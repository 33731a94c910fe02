/* What the scanner accepts, cJSON accepts with the same number of values. Whatever the bytes are,
 * loading them as a file or a --set ends with messages or with a configuration that, once printed,
 * loads again.
 * Built with clang -fsanitize=fuzzer,address,undefined, together with src/config and the engine. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
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

/* `sets`: up to the first NULL. */
static int load(const char *path, const char *const *sets, struct config **ret_config)
{
	static struct handlers handlers; /* what it loads borrows them */
	struct config_source source = { path, sets, 0, &handlers.config };
	struct config *config = NULL;
	struct report report;
	int r;

	while (sets[source.sets_count])
		source.sets_count++;
	handlers_init(&handlers, dgram_builtin_handlers());
	report_init(&report);
	r = config_load(&source, &report, &config);
	if ((r == 0) != (report.count == 0) || (r != 0 && r != -EINVAL))
		abort();
	for (size_t i = 0; i < report.count; i++) {
		if (strchr(report_line(&report, i), '\n'))
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

/* The bytes as a file, also with a handler that has options; and as a --set with it. */
static int load_all(const uint8_t *data, size_t size, const char *path)
{
	char *text = strndup((const char *)data, size);
	const char *const none[] = { NULL }, *const simulate[] = { "handler=simulate", NULL },
			  *const set[] = { simulate[0], text, NULL };
	int r;

	assert(text);
	r = load_twice(path, none);
	load_twice(path, simulate);
	load_twice(NULL, set);
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
	scanned = scan_both(data, size);
	if (load_all(data, size, path) == 0 && scanned < 0)
		abort();
	close(fd);
	return 0;
}
