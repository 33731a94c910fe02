/* A directory for a test's log files, and what is in them. */
#ifndef LOG_FIXTURE_H
#define LOG_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "log_support.h"

#define PATH_ROOM 256

static char directory[PATH_ROOM];

static inline int remove_one(
	const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static inline int make_directory(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof(directory), "/tmp/test_log.XXXXXX");
	return mkdtemp(directory) == NULL;
}

static inline int remove_directory(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *in_directory(char path[static PATH_ROOM], const char *name)
{
	assert_true(snprintf(path, PATH_ROOM, "%s/%s", directory, name) < PATH_ROOM);
	return path;
}

static inline struct log_settings settings_for(const char *target)
{
	return (struct log_settings){
		.level = LOG_LEVEL_INFO, .format = "logfmt", .color = "never", .target = target
	};
}

/* A log that writes to this target. */
static inline struct log *new_log(const char *target)
{
	struct log_settings settings = settings_for(target);
	struct log *log;

	assert_int_equal(log_new(&settings, 2, &log), 0);
	assert_int_equal(log_apply(log, &settings), 0);
	return log;
}

static inline struct log_ring *new_ring(struct log *log, enum log_speaker speaker, unsigned number)
{
	struct log_ring *ring;

	assert_int_equal(log_add_ring(log, speaker, number, &ring), 0);
	return ring;
}

/* The text of a file, freed by the caller. */
static inline char *file_text(const char *name, size_t *ret_length)
{
	char path[PATH_ROOM];
	int fd = open(in_directory(path, name), O_RDONLY | O_CLOEXEC);
	char *text;

	assert_true(fd >= 0);
	text = read_all(fd, ret_length);
	assert_non_null(text);
	close(fd);
	return text;
}

static inline void see_file(struct seen *seen, const char *name)
{
	size_t length;
	char *text = file_text(name, &length);

	see_text(seen, text, length);
	free(text);
}

static inline unsigned count_in_file(const char *name, const char *what)
{
	unsigned count = 0;
	size_t length;
	char *text = file_text(name, &length);

	/* Not strstr(3) or memmem(3): sanitizers make them read all that follows, for each line. */
	for (size_t i = 0; i + strlen(what) <= length; i++)
		count += text[i] == what[0] && memcmp(text + i, what, strlen(what)) == 0;
	free(text);
	return count;
}

static inline unsigned count_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(list);
	while (readdir(list) != NULL)
		count++;
	closedir(list);
	return count;
}

#endif
