/* Holds the scanner and cJSON together: what the scanner accepts, cJSON accepts with as many
 * values; and whatever the bytes are, loading them ends with a configuration or with messages.
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

#include "config/load.h"
#include "config/scan.h"

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
	struct lex_error error = { .message = NULL };
	int r;

	assert(text);
	memcpy(text, data, size);
	r = scan_text(text, size, &scan, &error);
	if (r == 0) {
		cJSON *root = cJSON_ParseWithLength(text, size);

		if (!root || count_items(root) != scan.count)
			abort();
		cJSON_Delete(root);
		scan_free(&scan);
	} else if (!error.message || error.offset > size || error.length > size - error.offset) {
		abort();
	}
	free(text);
	return r;
}

static int load(const char *path)
{
	struct config *config = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = config_load(path, NULL, 0, &report, &config);
	if ((r == 0) != (report.count == 0) || (r != 0 && r != -EINVAL))
		abort();
	for (size_t i = 0; i < report.count; i++) {
		if (strchr(report_line(&report, i), '\n'))
			abort();
	}
	report_free(&report);
	config_free(config);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[40];

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (scan_both(data, size) < 0 && load(path) == 0)
		abort();
	load(path);
	close(fd);
	return 0;
}
