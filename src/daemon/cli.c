#include "daemon/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/descriptors.h"
#include "config/config.h"
#include "daemon/ready_fd.h"

#define OPTIONS_MAX 16

/* Options without a letter of their own. */
enum { OPTION_SCHEMA = 256, OPTION_SET, OPTION_COLOR, OPTION_READY_FD };

/* The one table: getopt's options, its letters and the help come from it. */
static const struct {
	int letter;
	const char *name;
	const char *argument;
	const char *help;
} options[] = {
	{ 'c', "config", "FILE", "read the configuration from FILE; - is the standard input" },
	{ 't', "check", NULL, "check the configuration, and exit with 0 or 78" },
	{ 'T', "print-config", NULL, "print the effective configuration, defaults included" },
	{ OPTION_SCHEMA, "schema", NULL,
		"print the JSON Schema of the configuration, also of plug-ins named behind it" },
	{ OPTION_SET, "set", "KEY=VALUE", "set a key over the file's, as in queue.capacity=8192" },
	{ OPTION_COLOR, "color", "WHEN", "colour log lines: auto, always or never" },
	{ OPTION_READY_FD, "ready-fd", "FD", "write a newline there when ready, as s6 expects" },
	{ 'h', "help", NULL, "print this help" },
	{ 'V', "version", NULL, "print the version" },
};

#define OPTIONS_COUNT (sizeof(options) / sizeof(options[0]))

static void make_getopt_tables(struct option *longs, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		longs[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument != NULL ? required_argument : no_argument,
			.val = options[i].letter,
		};
		if (options[i].letter >= OPTION_SCHEMA)
			continue;
		*letters++ = (char)options[i].letter;
		if (options[i].argument != NULL)
			*letters++ = ':';
	}
	longs[OPTIONS_COUNT] = (struct option){ 0 };
	*letters = '\0';
}

static int usage_error(const char *what, const char *word)
{
	const char *program = program_invocation_short_name;

	(void)fprintf(stderr, "%s: %s: %s; see %s --help\n", program, what, word, program);
	return -EINVAL;
}

static int take_color(struct cli *cli, const char *when)
{
	if (strcmp(when, "auto") != 0 && strcmp(when, "always") != 0 && strcmp(when, "never") != 0)
		return usage_error("--color takes auto, always or never, not", when);
	cli->color = when;
	return 0;
}

/* Whom this process follows was the one that had it. */
static int take_ready_fd(struct cli *cli, const char *number)
{
	if (descriptors_passed_on() > 0)
		return 0;
	if (ready_fd_parse(number, &cli->ready_fd) < 0)
		return usage_error("--ready-fd takes an open descriptor from 3 on, not", number);
	return 0;
}

static int take_option(struct cli *cli, int letter, char **argv)
{
	switch (letter) {
	case 'c':
		cli->config_path = optarg;
		return 0;
	case 't':
		cli->action = CLI_CHECK;
		return 0;
	case 'T':
		cli->action = CLI_PRINT_CONFIG;
		return 0;
	case OPTION_SCHEMA:
		cli->action = CLI_SCHEMA;
		return 0;
	case OPTION_SET:
		if (strchr(optarg, '=') == NULL)
			return usage_error("--set takes KEY=VALUE, not", optarg);
		cli->sets[cli->sets_count++] = optarg;
		return 0;
	case OPTION_COLOR:
		return take_color(cli, optarg);
	case OPTION_READY_FD:
		return take_ready_fd(cli, optarg);
	case 'h':
		cli->action = CLI_HELP;
		return 0;
	case 'V':
		cli->action = CLI_VERSION;
		return 0;
	case ':':
		return usage_error("the option needs an argument", argv[optind - 1]);
	default:
		return usage_error("unknown option", argv[optind - 1]);
	}
}

int cli_parse(int argc, char **argv, struct cli *ret_cli)
{
	struct cli cli = { .color = "auto", .words = argv, .ready_fd = -1 };
	struct option longs[OPTIONS_COUNT + 1];
	char letters[2 * OPTIONS_MAX];
	int letter, error = 0;

	_Static_assert(OPTIONS_COUNT < OPTIONS_MAX, "room for the letters");
	cli.sets = calloc((size_t)argc + 1, sizeof(*cli.sets));
	if (cli.sets == NULL)
		return -ENOMEM;
	make_getopt_tables(longs, letters);
	optind = 0; /* with 1, glibc would keep its state of an earlier command line */
	while (error == 0 && (letter = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		error = take_option(&cli, letter, argv);
	cli.plugins = argv + optind;
	cli.plugins_count = (size_t)(argc - optind);
	if (error == 0 && cli.action != CLI_SCHEMA && optind < argc)
		error = usage_error(
			"unexpected argument; a configuration is named with -c", argv[optind]);
	if (error < 0) {
		cli_free(&cli);
		return error;
	}
	*ret_cli = cli;
	return 0;
}

void cli_free(struct cli *cli)
{
	free(cli->sets);
	cli->sets = NULL;
}

bool cli_reads_stdin(const struct cli *cli)
{
	return cli->config_path != NULL && strcmp(cli->config_path, CONFIG_STDIN) == 0;
}

const char *cli_origin(const struct cli *cli)
{
	if (cli_reads_stdin(cli))
		return "stdin";
	if (cli->config_path != NULL)
		return cli->config_path;
	return cli->sets_count > 0 ? "defaults and --set" : "all defaults";
}

void cli_print_help(FILE *file)
{
	(void)fprintf(file,
		"usage: %s [-tThV] [-c FILE] [--set KEY=VALUE]...\n"
		"       %s --schema [FILE.so]...\n"
		"\n"
		"Serves UDP requests with a bounded queue and a pool of workers.\n"
		"\n",
		program_invocation_short_name, program_invocation_short_name);
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const char *argument = options[i].argument != NULL ? options[i].argument : "";
		char letter[5] = "    ";
		int width;

		if (options[i].letter < OPTION_SCHEMA)
			(void)snprintf(letter, sizeof(letter), "-%c, ", options[i].letter);
		width = 20 - (int)strlen(options[i].name);
		(void)fprintf(file, "  %s--%s %-*s %s\n", letter, options[i].name, width, argument,
			options[i].help);
	}
	(void)fprintf(file, "\nSee dgramd(8) and server.json(5).\n");
}
