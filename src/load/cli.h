/* The command line of dgramload. */
#ifndef LOAD_CLI_H
#define LOAD_CLI_H

#include <stdio.h>

#include "load/options.h"

/* Parse; what the options hold points into argv. -EINVAL: one line about it is on stderr. */
int load_cli_parse(int argc, char **argv, struct load_options *ret_options);

void load_cli_print_help(FILE *file);

#endif
