#include "json/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t bytes_max, struct report_source *source)
{
	char *text = malloc(bytes_max + 2), *shorter;
	size_t length = 0;

	if (!text)
		return -ENOMEM;
	while (length <= bytes_max) {
		ssize_t n = read(fd, text + length, bytes_max + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = errno;

			free(text);
			return -error;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	text[length] = '\0';
	shorter = realloc(text, length + 1);
	if (!shorter) {
		free(text);
		return -ENOMEM;
	}
	source->text = shorter;
	source->length = length;
	return 0;
}

/* NULL: a file that can be read. */
static const char *mode_error(mode_t mode)
{
	if (S_ISREG(mode))
		return NULL;
	if (S_ISDIR(mode))
		return "a directory, not a file";
	return S_ISFIFO(mode) ? "a pipe, not a file" : "a device, not a file";
}

/* True: the file or its path is wrong. False: the system is short of something. */
static bool is_configuration_error(int error)
{
	switch (error) {
	case ENOENT:
	case EACCES:
	case EPERM:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case ENXIO:
	case ENODEV:
		return true;
	default:
		return false;
	}
}

/* O_NONBLOCK: open(2) would wait for the writer of a FIFO. */
static int read_file(struct report_source *source, size_t number, const char *path,
	size_t bytes_max, struct report *report)
{
	struct report_place nowhere = { .source = number };
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status = { .st_mode = 0 };
	int r = fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;

	if (r == 0 && mode_error(status.st_mode))
		report_add(report, nowhere, "%s", mode_error(status.st_mode));
	else if (r == 0)
		r = read_all(fd, bytes_max, source);
	if (fd >= 0)
		close(fd);
	return r;
}

static int report_failure(int r, size_t number, struct report *report)
{
	struct report_place nowhere = { .source = number };

	if (r == 0 || r == -ENOMEM)
		return r;
	report_add(report, nowhere, "%s", strerrordesc_np(-r));
	return is_configuration_error(-r) ? 0 : r;
}

int source_read(struct report_source *source, size_t number, const char *path, size_t bytes_max,
	struct report *report)
{
	return report_failure(read_file(source, number, path, bytes_max, report), number, report);
}

int source_read_stdin(
	struct report_source *source, size_t number, size_t bytes_max, struct report *report)
{
	return report_failure(read_all(STDIN_FILENO, bytes_max, source), number, report);
}
