/* Where the file says that the daemon can be looked into. Thread: owner. */
#ifndef CONFIG_ADMIN_H
#define CONFIG_ADMIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/addr.h"

struct config;
struct report;

struct config_admin {
	const char *socket; /* its path; NULL: there is none */
	mode_t mode;	    /* of the path */
	bool has_group;
	gid_t group; /* of the path */
	bool listens;
	union addr address; /* then */
	bool upgrade;	    /* another process may take our place */
};

/* Find them, and report what cannot be. Inside src/config only. */
void admin_resolve(struct config *config, struct report *report);

#endif
