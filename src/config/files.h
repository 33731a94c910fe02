/* Inside src/config only. Thread: owner. */
#ifndef CONFIG_FILES_H
#define CONFIG_FILES_H

#include "config/values.h"

/* Report what this user cannot do with the files that a configuration names. */
void files_check(const struct config *config, struct report *report);

#endif
