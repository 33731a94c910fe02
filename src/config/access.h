/* What `access` says of the top and of each service: its lists, and its file. Inside src/config only. Thread: owner. */
#ifndef CONFIG_ACCESS_H
#define CONFIG_ACCESS_H

#include <dgram.h>

#include "config/values.h"

/* The longest file: the most prefixes, each in 32 bytes. */
#define ACCESS_FILE_BYTES_MAX ((size_t)32 * DGRAM_ACCESS_PREFIXES_MAX)

struct access_list {
	struct report_source file;   /* name and text are owned; NULL: there is none */
	char *lines;		     /* of the file, cut up; NULL: there are none */
	const char **texts;	     /* those that allow from the front on, others from behind */
	struct dgram_access options; /* points into `texts` */
};

/* Read the files, and give all values their lists, once the services are resolved. `configuration`: its path, or NULL.
 * Errors go into the report, where the files' sources follow the documents'. -errno: the system's. */
int access_resolve(struct config *config, const char *configuration, struct report *report);
void access_clear(struct config *config);

/* Has the file of these lists the same text, or have both none? */
bool access_is_same_file(const struct access_list *one, const struct access_list *other);

#endif
