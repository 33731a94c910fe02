/* dgram-child: opens a plug-in in a process of its own that it may ruin, and says what it is; or serves, with a plug-in
 * or a built-in handler, for the daemon that has started it. */
#include <dgram.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "process/probe.h"
#include "process/serve.h"

/* What opening a plug-in may use besides what the program uses without it. */
#define CPU_SECONDS 10
#define DATA_BYTES (1024UL * 1024 * 1024)
#define FILE_BYTES (64UL * 1024 * 1024)

/* A lower one stays as it is, unless root has set it. */
static void set_limit(__rlimit_resource_t resource, rlim_t most)
{
	(void)setrlimit(resource, &(struct rlimit){ most, most });
}

/* The data of a sanitizer's build are terabytes from the start. */
static void set_limits(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file != NULL) {
		if (fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages) == 1)
			set_limit(RLIMIT_DATA,
				pages * (unsigned long)sysconf(_SC_PAGESIZE) + DATA_BYTES);
		(void)fclose(file);
	}
	set_limit(RLIMIT_CPU, CPU_SECONDS);
	set_limit(RLIMIT_FSIZE, FILE_BYTES);
	set_limit(RLIMIT_CORE, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Standard output for us alone: what the plug-in prints goes to standard error. */
static FILE *open_output(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return NULL;
	return fdopen(fd, "w");
}

/* Words of dlerror(3), without the path that they may begin with. Of an object for another machine, which
 * it passes over, it says that there is none, and where it has put something else for $LIB or $ORIGIN. */
static void explain_open(const char *path, char fault[DGRAM_ERROR_TEXT_MAX])
{
	const char *text = dlerror();
	size_t length = strlen(path);
	bool is_own = strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0;

	if (is_own && strstr(text + length, strerrordesc_np(ENOENT)) != NULL &&
		access(path, F_OK) == 0)
		text = strchr(path, '$') == NULL
			       ? "is for another kind of machine"
			       : "has a $ in its path, where the loader puts a name of its own";
	else if (is_own)
		text += length + 2;
	(void)snprintf(fault, DGRAM_ERROR_TEXT_MAX, "%s", text);
}

/* Pointers of a damaged file may lead anywhere, and would do so in the daemon. Those of functions stand
 * together, but the last two. */
static bool check_functions(const struct dgram_handler *handler, char fault[DGRAM_ERROR_TEXT_MAX])
{
	static const size_t alone[] = { offsetof(struct dgram_handler, reconfigure),
		offsetof(struct dgram_handler, children) };
	const size_t first = offsetof(struct dgram_handler, handle);
	const size_t together =
		(offsetof(struct dgram_handler, parameters) - first) / sizeof(void *);
	bool known = true;
	Dl_info info;

	for (size_t i = 0; i < together + sizeof(alone) / sizeof(alone[0]); i++) {
		size_t from = i < together ? first + i * sizeof(void *) : alone[i - together];
		void *function;

		memcpy(&function, (const char *)handler + from, sizeof(function));
		known &= function == NULL || dladdr(function, &info) != 0;
	}
	(void)snprintf(
		fault, DGRAM_ERROR_TEXT_MAX, "has a handler with a function that is nowhere");
	return known;
}

/* Numbers come before what they say of the rest. */
static const struct dgram_handler *check_plugin(
	const struct dgram_plugin *plugin, char fault[DGRAM_ERROR_TEXT_MAX])
{
	if (plugin == NULL)
		(void)snprintf(fault, DGRAM_ERROR_TEXT_MAX,
			"is no plug-in: it has no symbol dgram_plugin, which DGRAM_PLUGIN() makes");
	else if (plugin->abi != DGRAM_ABI)
		(void)snprintf(fault, DGRAM_ERROR_TEXT_MAX,
			"was built with a dgram.h of ABI %u, and this dgramd has %u: build it again",
			plugin->abi, DGRAM_ABI);
	else if (plugin->handler_bytes != sizeof(*plugin->handler))
		(void)snprintf(fault, DGRAM_ERROR_TEXT_MAX,
			"has a handler of %u bytes, and not %zu: build it again",
			plugin->handler_bytes, sizeof(*plugin->handler));
	else if (dgram_handler_check(plugin->handler, fault, DGRAM_ERROR_TEXT_MAX) == 0 &&
		 check_functions(plugin->handler, fault))
		return plugin->handler;
	return NULL;
}

/* Or NULL, and *fault says why. */
static const struct dgram_handler *load_plugin(const char *path, char fault[DGRAM_ERROR_TEXT_MAX])
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (object != NULL)
		return check_plugin(dlsym(object, "dgram_plugin"), fault);
	explain_open(path, fault);
	return NULL;
}

/* Returns the exit status, as the others do. */
static int describe(const char *path, FILE *file)
{
	char fault[DGRAM_ERROR_TEXT_MAX];
	const struct dgram_handler *handler = load_plugin(path, fault);

	(void)setlocale(LC_ALL, "C"); /* for numbers; the plug-in may have set another */
	if (handler != NULL)
		description_write(handler, file);
	else
		(void)fputs(fault, file);
	if (fflush(file) != 0 || ferror(file))
		return EX_OSERR;
	return handler != NULL ? EX_OK : PROBE_EXPLAINED;
}

static int describe_alone(const char *path)
{
	FILE *file;

	set_limits();
	file = open_output();
	return file != NULL ? describe(path, file) : EX_OSERR;
}

/* A plug-in's name has a slash. */
static int serve_named(
	const char *name, const char *service, const char *sandbox, char *const *words)
{
	char fault[DGRAM_ERROR_TEXT_MAX] = "there is no such handler";
	const struct dgram_handler *handler =
		strchr(name, '/') != NULL ? load_plugin(name, fault) : dgram_builtin_handler(name);

	if (handler != NULL)
		return serve_run(handler, service, sandbox, words);
	(void)fprintf(stderr, "%s: %s\n", name, fault);
	return EX_OSERR;
}

/* The plug-in's code at exit is not run. */
int main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "serve") == 0)
		_exit(serve_named(argv[2], argv[3], argv[4], argv + 5));
	if (argc == 2)
		_exit(describe_alone(argv[1]));
	(void)fprintf(stderr, "usage: dgram-child FILE.so\n");
	return EX_USAGE;
}
