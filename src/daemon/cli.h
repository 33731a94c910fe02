/* The command line of dgramd. */
#ifndef DAEMON_CLI_H
#define DAEMON_CLI_H

#include <stddef.h>
#include <stdio.h>

enum cli_action {
	CLI_SERVE,
	CLI_CHECK,
	CLI_PRINT_CONFIG,
	CLI_SCHEMA,
	CLI_HELP,
	CLI_VERSION,
};

struct cli {
	enum cli_action action;
	const char *config_path; /* NULL: defaults alone */
	const char *color;
	const char **sets; /* KEY=VALUE of each --set */
	size_t sets_count;
	char **plugins; /* files whose options --schema writes */
	size_t plugins_count;
};

/* Parse; what it holds points into argv. -EINVAL: one line about it is on stderr; -ENOMEM. */
int cli_parse(int argc, char **argv, struct cli *ret_cli);

void cli_free(struct cli *cli);

void cli_print_help(FILE *file);

#endif
