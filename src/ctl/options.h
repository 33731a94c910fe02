/* The command line of dgramctl: one table of options and one of commands, from which the help and the completions of
 * shells come, too. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum ctl_command {
	CTL_STATUS,
	CTL_WORKERS,
	CTL_TOP,
	CTL_DROPS,
	CTL_TALKERS,
	CTL_PING,
	CTL_CONFIG,
	CTL_RELOAD,
	CTL_UPGRADE,
	CTL_LOG_LEVEL,
	CTL_DRAIN,
	CTL_UNDRAIN,
	CTL_COMMANDS,
	CTL_HELP,
	CTL_VERSION,
	CTL_COMPLETIONS,
};

struct ctl_options {
	enum ctl_command command;
	const char *argument; /* of CTL_LOG_LEVEL, and the shell of CTL_COMPLETIONS */
	const char *socket;   /* by default $DGRAM_ADMIN, or the usual path */
	bool json;
};

/* -EINVAL: stderr has one line that says why. */
int options_read(int argc, char **argv, struct ctl_options *ret_options);

void options_print_help(FILE *file);

/* -EINVAL: the shell is none of bash, zsh and fish. */
int options_print_completions(const char *shell, FILE *file);

#endif
