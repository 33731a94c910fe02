/* The command line of dgramd. */
#ifndef DAEMON_CLI_H
#define DAEMON_CLI_H

#include <stdbool.h>
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
	char *const *words;	 /* argv, perhaps in another order */
	const char *config_path; /* NULL: defaults alone */
	const char *color;
	int ready_fd;	   /* -1: none */
	const char **sets; /* KEY=VALUE of each --set */
	size_t sets_count;
	char **plugins; /* files whose options --schema writes */
	size_t plugins_count;
};

/* Parse; what it holds points into argv. -EINVAL: one line about it is on stderr; -ENOMEM. */
int cli_parse(int argc, char **argv, struct cli *ret_cli);

/* The configuration comes from the standard input, which can be read only once. */
bool cli_reads_stdin(const struct cli *cli);

/* Where the configuration comes from, for people: "server.json", "all defaults". */
const char *cli_origin(const struct cli *cli);

void cli_free(struct cli *cli);

void cli_print_help(FILE *file);

#endif
