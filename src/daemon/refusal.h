/* A configuration that is refused at the start, when there is no log yet. */
#ifndef DAEMON_REFUSAL_H
#define DAEMON_REFUSAL_H

#include "config/config.h"

/* Write its errors to stderr: in the compiler's form, but as lines of the log where programs read those, in JSON or
 * for the journal. */
void refusal_write(const struct config_source *source, const struct report *report);

/* The same of a line about what does not fit the configuration, in a form that `logging.format` names. */
void refusal_say(const char *log_format, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
