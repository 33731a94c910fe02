/* Command lines of dgramd and dgramload, one argument a line: each is taken or refused in one line. */
/* parses: daemon/cli load/options load/address load/question */
#include "input.h"

#include <stdio.h>

#include "daemon/cli.h"
#include "load/payload.h"

#define ARGUMENTS_MAX 32

static char *said;
static size_t said_length;

/* The words stand where they stood before: getopt(3) puts them in another order. */
struct arguments {
	int count;
	char *words[ARGUMENTS_MAX + 2];
	char *owned[ARGUMENTS_MAX];
};

static void must_be_one_line(void)
{
	const char *end;

	must(fflush(stderr) == 0);
	end = strchr(said, '\n');
	must(said_length > 0 && end != NULL && (end[1] == '\0' || strchr(end, ':') != NULL));
}

static void parse_dgramd(struct arguments *arguments)
{
	struct cli cli;

	if (cli_parse(arguments->count, arguments->words, &cli) < 0) {
		must_be_one_line();
		return;
	}
	if (cli.action == CLI_HELP)
		cli_print_help(stderr);
	must(strlen(cli_origin(&cli)) > 0 || cli.config_path != NULL);
	(void)cli_reads_stdin(&cli);
	for (size_t i = 0; i < cli.sets_count; i++)
		must(strchr(cli.sets[i], '=') != NULL);
	must(cli.plugins_count == 0 || cli.action == CLI_SCHEMA);
	cli_free(&cli);
}

static void parse_dgramload(struct arguments *arguments)
{
	struct load_options options;
	struct load_payload payload;

	if (load_options_parse(arguments->count, arguments->words, &options) < 0) {
		must_be_one_line();
		return;
	}
	if (options.action == LOAD_HELP)
		load_options_print_help(stderr);
	if (options.action != LOAD_GO || options.file != NULL)
		return;
	if (load_payload_make(&options, &payload) < 0) {
		must_be_one_line();
		return;
	}
	must(payload.size <= LOAD_PAYLOAD_MAX);
	load_payload_stamp(&payload, 1);
	load_payload_free(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(struct arguments *) = { parse_dgramd, parse_dgramload };
	struct arguments arguments = { 1, { (char[]){ "program" } }, { NULL } };
	struct input input = { data, size };
	unsigned parser = input_byte(&input) % 2;
	FILE *real_stderr = stderr;

	while (arguments.count <= ARGUMENTS_MAX) {
		char *word = input_line(&input);

		if (word == NULL)
			break;
		arguments.owned[arguments.count - 1] = arguments.words[arguments.count] = word;
		arguments.count++;
	}
	stderr = open_memstream(&said, &said_length);
	assert(stderr);
	parsers[parser](&arguments);
	(void)fclose(stderr);
	stderr = real_stderr;
	free(said);
	for (int i = 0; i < ARGUMENTS_MAX; i++)
		free(arguments.owned[i]);
	return 0;
}
