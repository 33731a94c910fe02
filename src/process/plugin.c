#include "process/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/probe.h"

/* As much of a path is shown, its end. */
#define PATH_SHOWN 120

/* A file as it was at some time. */
struct plugin {
	struct plugin *next;
	struct stat file;
	struct description *description;
	const struct dgram_handler *handler; /* the description's, or that of the opened object */
	bool loaded;
	char path[];
};

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool say_why(const char *path, const char *why, char ret_error[PLUGIN_ERROR_MAX])
{
	size_t length = strlen(path), from = length > PATH_SHOWN ? length - PATH_SHOWN : 0;

	(void)snprintf(ret_error, PLUGIN_ERROR_MAX, "%s%.*s: %s", from > 0 ? "..." : "", PATH_SHOWN,
		path + from, why);
	return false;
}

/* With a slash, without which dlopen(3) would look elsewhere. */
static int make_path(const struct plugins *plugins, const char *name, char path[PATH_MAX])
{
	const char *slash = plugins->base != NULL ? strrchr(plugins->base, '/') : NULL;
	const char *folder = slash != NULL ? plugins->base : "./";
	int length = slash != NULL ? (int)(slash + 1 - plugins->base) : 2;

	if (name[0] == '/')
		length = 0;
	else if (strncmp(name, "./", 2) == 0)
		name += 2;
	return snprintf(path, PATH_MAX, "%.*s%s", length, folder, name) < PATH_MAX ? 0
										   : -ENAMETOOLONG;
}

/* Others could keep dlopen(3) waiting, as a FIFO does. */
static bool see_file(const char *path, struct stat *ret_file, char ret_error[PLUGIN_ERROR_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool seen = fd >= 0 && fstat(fd, ret_file) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (!seen)
		return say_why(path, strerrordesc_np(error), ret_error);
	if (!S_ISREG(ret_file->st_mode))
		return say_why(path, "is not a file", ret_error);
	return true;
}

/* Threads that it makes must not take the signals that steer the daemon. */
static void *open_object(const char *path)
{
	sigset_t all, before;
	void *object;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return object;
}

static bool open_plugin(struct plugin *plugin, char ret_error[PLUGIN_ERROR_MAX])
{
	const struct dgram_plugin *exported;
	void *object = open_object(plugin->path);
	struct stat now;

	if (object == NULL)
		return say_why(plugin->path, dlerror(), ret_error);
	exported = dlsym(object, "dgram_plugin");
	if (exported == NULL || stat(plugin->path, &now) < 0 || !is_unchanged(&now, &plugin->file))
		return say_why(plugin->path, "changed while it was opened", ret_error);
	plugin->handler = exported->handler;
	plugin->loaded = true;
	return true;
}

static struct plugin *find_known(
	const struct plugins *plugins, const char *path, const struct stat *file)
{
	struct plugin *plugin = plugins->first;

	while (plugin != NULL &&
		!(strcmp(plugin->path, path) == 0 && is_unchanged(&plugin->file, file)))
		plugin = plugin->next;
	return plugin;
}

static struct plugin *add(struct plugins *plugins, const char *path, const struct stat *file,
	char ret_error[PLUGIN_ERROR_MAX])
{
	size_t bytes = strlen(path) + 1;
	struct plugin *plugin = calloc(1, sizeof(*plugin) + bytes);
	char why[PROBE_ERROR_MAX] = "";
	int error = -ENOMEM;

	if (plugin != NULL)
		error = probe_run(path, why, &plugin->description);
	if (error < 0) {
		free(plugin);
		(void)say_why(path, error == -ENOEXEC ? why : strerrordesc_np(-error), ret_error);
		return NULL;
	}
	memcpy(plugin->path, path, bytes);
	plugin->file = *file;
	plugin->handler = description_handler(plugin->description);
	plugin->next = plugins->first;
	plugins->first = plugin;
	return plugin;
}

const struct dgram_handler *plugins_find(
	struct plugins *plugins, const char *name, char ret_error[PLUGIN_ERROR_MAX])
{
	char path[PATH_MAX];
	struct plugin *plugin;
	struct stat file;

	if (make_path(plugins, name, path) < 0) {
		(void)say_why(name, strerrordesc_np(ENAMETOOLONG), ret_error);
		return NULL;
	}
	if (!see_file(path, &file, ret_error))
		return NULL;
	plugin = find_known(plugins, path, &file);
	if (plugin == NULL)
		plugin = add(plugins, path, &file, ret_error);
	if (plugin == NULL ||
		(plugins->loads && !plugin->loaded && !open_plugin(plugin, ret_error)))
		return NULL;
	return plugin->handler;
}

void plugins_free(struct plugins *plugins)
{
	while (plugins->first != NULL) {
		struct plugin *plugin = plugins->first;

		plugins->first = plugin->next;
		description_free(plugin->description);
		free(plugin);
	}
}
