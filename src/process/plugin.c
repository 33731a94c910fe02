#include "process/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "process/path.h"
#include "process/probe.h"

/* A file as it was at some time. */
struct plugin {
	struct plugin *next;
	struct stat file;
	struct dgram_handler *described;
	const struct dgram_handler *handler; /* that, or the opened object's */
	char path[];
};

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Threads that it makes must not take the signals that steer the daemon. Returns why it cannot be, or NULL. */
static const char *open_plugin(struct plugin *plugin)
{
	const struct dgram_plugin *exported;
	sigset_t all, before;
	struct stat now;
	void *object;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	object = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (object == NULL)
		return dlerror();
	exported = dlsym(object, "dgram_plugin");
	if (exported == NULL || stat(plugin->path, &now) < 0 || !is_unchanged(&now, &plugin->file))
		return "changed while it was opened";
	plugin->handler = exported->handler;
	return NULL;
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
	char why[PROBE_ERROR_MAX])
{
	size_t bytes = strlen(path) + 1;
	struct plugin *plugin = calloc(1, sizeof(*plugin) + bytes);

	if (plugin != NULL)
		plugin->described = probe_run(path, &plugins->meanwhile, why);
	if (plugin == NULL || plugin->described == NULL) {
		free(plugin);
		return NULL;
	}
	memcpy(plugin->path, path, bytes);
	plugin->file = *file;
	plugin->handler = plugin->described;
	plugin->next = plugins->first;
	plugins->first = plugin;
	return plugin;
}

/* A file of another kind could keep dlopen(3) waiting, as a FIFO does. */
static struct plugin *find_or_add(
	struct plugins *plugins, const char *path, char why[PROBE_ERROR_MAX])
{
	struct stat file;
	struct plugin *plugin = NULL;
	const char *fault = NULL;

	if (stat(path, &file) < 0)
		fault = strerrordesc_np(errno);
	else if (!S_ISREG(file.st_mode))
		fault = "is not a file";
	else if ((plugin = find_known(plugins, path, &file)) == NULL)
		plugin = add(plugins, path, &file, why);
	if (fault == NULL)
		return plugin;
	(void)snprintf(why, PROBE_ERROR_MAX, "%s", fault);
	return NULL;
}

const struct dgram_handler *plugins_find(
	struct plugins *plugins, const char *name, char ret_error[PLUGIN_ERROR_MAX])
{
	char path[PATH_MAX + 1], why[PROBE_ERROR_MAX] = "Cannot allocate memory";
	const struct plugin *plugin;

	path_beside(plugins->base, name, path); /* without a slash dlopen(3) would look elsewhere */
	plugin = find_or_add(plugins, path, why);
	if (plugin != NULL)
		return plugin->described;
	(void)snprintf(ret_error, PLUGIN_ERROR_MAX, "%s: %s", path_shown(path), why);
	return NULL;
}

static struct plugin *find_described(
	const struct plugins *plugins, const struct dgram_handler *described)
{
	struct plugin *plugin = plugins->first;

	while (plugin != NULL && plugin->described != described)
		plugin = plugin->next;
	return plugin;
}

const char *plugins_path(const struct plugins *plugins, const struct dgram_handler *described)
{
	const struct plugin *plugin = find_described(plugins, described);

	return plugin != NULL ? plugin->path : NULL;
}

const struct dgram_handler *plugins_open(struct plugins *plugins,
	const struct dgram_handler *described, char ret_error[PLUGIN_ERROR_MAX])
{
	struct plugin *plugin = find_described(plugins, described);
	const char *fault = NULL;

	if (plugins->loads && plugin->handler == plugin->described)
		fault = open_plugin(plugin);
	if (fault == NULL)
		return plugin->handler;
	(void)snprintf(ret_error, PLUGIN_ERROR_MAX, "%s: %s", path_shown(plugin->path), fault);
	return NULL;
}

void plugins_free(struct plugins *plugins)
{
	while (plugins->first != NULL) {
		struct plugin *plugin = plugins->first;

		plugins->first = plugin->next;
		description_free(plugin->described);
		free(plugin);
	}
}
