/* Loads a text as if it were a file. */
#ifndef UNIT_CONFIG_SUPPORT_H
#define UNIT_CONFIG_SUPPORT_H

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "daemon/handlers.h"

/* A program with tests of its own handlers sets them; NULL: the built-in ones. */
static const struct dgram_handler *const *linked_handlers;

static inline const struct config_handlers *test_handlers(void)
{
	static struct handlers handlers;

	if (!handlers.config.listed)
		handlers_init(
			&handlers, linked_handlers ? linked_handlers : dgram_builtin_handlers());
	return &handlers.config;
}

/* config_load() with sets up to the first NULL; NULL: none. */
static inline int load_source(const char *path, const char *const *sets, struct report *report,
	struct config **ret_config)
{
	struct config_source source = { path, sets, 0, test_handlers() };

	while (sets && sets[source.sets_count])
		source.sets_count++;
	return config_load(&source, report, ret_config);
}

/* A file without a name; its path is valid until it is closed. */
static inline int memory_file(const void *text, size_t length, char path[static 40])
{
	int fd = memfd_create("server.json", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(write(fd, text, length) == (ssize_t)length);
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static inline int load_bytes(
	const void *text, size_t length, struct report *report, struct config **ret_config)
{
	char path[40];
	int fd = memory_file(text, length, path);
	int r;

	report_init(report);
	r = load_source(path, NULL, report, ret_config);
	close(fd);
	return r;
}

/* A configuration that loads, with sets up to the first NULL. */
static inline struct config *must_load(const char *text, const char *const *sets)
{
	struct config *config = NULL;
	struct report report;
	char path[40];
	int fd = memory_file(text, strlen(text), path), r;

	report_init(&report);
	r = load_source(path, sets, &report, &config);
	close(fd);
	if (r < 0) {
		print_error("%s\n", text);
		report_print(&report, stderr);
	}
	assert_int_equal(r, 0);
	assert_int_equal(report.count, 0);
	report_free(&report);
	return config;
}

/* The numbers behind the name: "NAME:LINE:COLUMN: error: MESSAGE". Returns the message. */
static inline const char *read_position(
	const char *line, const char *name, size_t *ret_line, size_t *ret_column)
{
	int end = 0;

	assert_memory_equal(line, name, strlen(name));
	assert_int_equal(
		sscanf(line + strlen(name), ":%zu:%zu: error: %n", ret_line, ret_column, &end), 2);
	assert_true(end > 0);
	return line + strlen(name) + end;
}

#endif
