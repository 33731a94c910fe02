#include "config/values.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* Room for an entry of the user database, and for a group with thousands of members. */
#define ENTRY_MAX 262144

#define UNPRIVILEGED_FILE "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define UNPRIVILEGED_PORT 1024

/* NULL: the file names none, or it is invalid. */
static const char *named(const struct config *config, size_t param)
{
	const struct value *value = &config->top.of[param];
	const char *name = value_text(value, &params[param], 0);

	return value->invalid || name[0] == '\0' ? NULL : name;
}

static void report_missing(const struct config *config, size_t param, const char *what, int error,
	struct report *report)
{
	const struct value *value = &config->top.of[param];

	report_add(report, value_text_place(value, 0), "%s: this machine has no %s \"%s\"%s%s",
		params[param].path, what, named(config, param), error != 0 ? ": " : "",
		error != 0 ? strerrordesc_np(error) : "");
}

static void find_user(struct config *config, struct report *report)
{
	static char entry[ENTRY_MAX];
	const char *name = named(config, PARAM_USER);
	struct passwd user, *found;
	int error = getpwnam_r(name, &user, entry, sizeof(entry), &found);

	if (found == NULL) {
		report_missing(config, PARAM_USER, "user", error, report);
		return;
	}
	config->user.name = name;
	config->user.uid = user.pw_uid;
	config->user.gid = user.pw_gid;
}

bool user_find_group(
	const struct config *config, size_t param, struct report *report, gid_t *ret_gid)
{
	static char entry[ENTRY_MAX];
	const char *name = named(config, param);
	struct group group, *found;
	int error;

	if (name == NULL)
		return false;
	error = getgrnam_r(name, &group, entry, sizeof(entry), &found);
	if (found == NULL)
		report_missing(config, param, "group", error, report);
	else
		*ret_gid = group.gr_gid;
	return found != NULL;
}

/* The first port that anybody may bind. */
static unsigned unprivileged_port(void)
{
	FILE *file = fopen(UNPRIVILEGED_FILE, "re");
	unsigned port;

	if (file == NULL)
		return UNPRIVILEGED_PORT;
	if (fscanf(file, "%u", &port) != 1)
		port = UNPRIVILEGED_PORT;
	(void)fclose(file);
	return port;
}

/* Addresses that come late are bound by the user. */
static void check_late(const struct config *config, size_t number, struct report *report)
{
	const struct value *of = config->services[number].of;
	const struct value *missing = &of[PARAM_ON_MISSING_ADDRESS];
	unsigned port = of[PARAM_PORT].number, first = unprivileged_port();
	char label[32] = "";

	if (missing->invalid || missing->number != DGRAM_MISSING_WAIT || of[PARAM_PORT].invalid ||
		port == 0 || port >= first)
		return;
	if (config->services_listed)
		(void)snprintf(label, sizeof(label), "services.%zu.", number);
	report_add(report, element_place(missing->element),
		"%s%s: the user \"%s\" cannot bind port %u when the address comes: ports below %u "
		"are bound at the start alone",
		label, params[PARAM_ON_MISSING_ADDRESS].path, config->user.name, port, first);
}

void user_resolve(struct config *config, struct report *report)
{
	if (named(config, PARAM_USER) != NULL)
		find_user(config, report);
	else if (named(config, PARAM_GROUP) != NULL)
		report_add(report, value_text_place(&config->top.of[PARAM_GROUP], 0),
			"%s: needs a `%s`", params[PARAM_GROUP].path, params[PARAM_USER].path);
	if (named(config, PARAM_USER) != NULL)
		(void)user_find_group(config, PARAM_GROUP, report, &config->user.gid);
	if (config->user.name == NULL)
		return;
	for (size_t i = 0; config->user.uid != 0 && i < config->services_count; i++)
		check_late(config, i, report);
}
