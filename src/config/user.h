/* The user and group of the file, as the machine knows them. Thread: owner. */
#ifndef CONFIG_USER_H
#define CONFIG_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct config;
struct report;

/* Whom the daemon becomes. */
struct config_user {
	const char *name; /* NULL: it stays who it is */
	uid_t uid;
	gid_t gid;
};

/* Find them, and report those that there are not, and what they could not do. Inside src/config only. */
void user_resolve(struct config *config, struct report *report);

/* The group that this key of the top names, an admin's for example; false: it names none, or one that there is not,
 * which is reported. Inside src/config only. */
bool user_find_group(
	const struct config *config, size_t param, struct report *report, gid_t *ret_gid);

#endif
