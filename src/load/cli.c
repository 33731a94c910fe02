#include "load/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/settle.h"

/* The one table: getopt's options, the ranges and the help come from it. A value that is no text has
 * a range; a flag has no argument. Those with `load` make no sense for one request. */
static const struct {
	enum load_option option;
	const char *name;
	const char *argument;
	double low, high;
	bool whole, load;
	const char *help;
} options[] = {
	{ LOAD_RATE, "rate", "R", 0.001, LOAD_RATE_MAX, false, false,
		"open loop: R requests a second in all" },
	{ LOAD_IN_FLIGHT, "in-flight", "N", 1, LOAD_IN_FLIGHT_MAX, true, false,
		"closed loop: each socket keeps N requests on their way" },
	{ LOAD_SEARCH, "find-max", NULL, 0, 0, false, false,
		"search the highest rate within the limits" },
	{ LOAD_SOCKETS, "sockets", "N", 1, LOAD_SOCKETS_MAX, true, true, "client sockets (1)" },
	{ LOAD_SOURCES, "sources", "A[/N|-B]", 0, 0, false, false,
		"source addresses, one after the other" },
	{ LOAD_DURATION, "duration", "S", 0.001, LOAD_SECONDS_MAX, false, true,
		"for S seconds (10; each step of --find-max: 2)" },
	{ LOAD_COUNT, "count", "N", 1, 1e15, true, true, "stop after N requests" },
	{ LOAD_WARMUP, "warmup", "S", 0, LOAD_SECONDS_MAX, false, true,
		"before that, S seconds that are not counted (0)" },
	{ LOAD_RAMP, "ramp", "S", 0, LOAD_SECONDS_MAX, false, true,
		"raise the rate from 0 over S seconds" },
	{ LOAD_PATIENCE, "patience", "MS", 1, 3600000, false, false,
		"an answer after more is late (1000)" },
	{ LOAD_SIZE, "size", "BYTES", 0, LOAD_PAYLOAD_MAX, true, false,
		"length of a request (32; a single one: 0)" },
	{ LOAD_TEXT, "text", "T", 0, 0, false, false, "send this text" },
	{ LOAD_HEX, "hex", "HEX", 0, 0, false, false, "send these bytes" },
	{ LOAD_FILE, "file", "F", 0, 0, false, false, "send the content of this file" },
	{ LOAD_RANDOM, "random", NULL, 0, 0, false, false, "send random bytes" },
	{ LOAD_CHECK, "check", NULL, 0, 0, false, true,
		"the service echoes: verify numbers and content" },
	{ LOAD_GSO, "gso", NULL, 0, 0, false, true, "send batches by UDP_SEGMENT" },
	{ LOAD_MAX_LOSS, "max-loss", "PERCENT", 0, 100, false, true,
		"limit of requests not answered (0.1)" },
	{ LOAD_MAX_P99, "max-p99-us", "US", 1, 3600000000.0, false, true,
		"limit of the latency of 99 in 100 (10000)" },
	{ LOAD_JSON, "json", NULL, 0, 0, false, false, "print the summary as JSON" },
	{ LOAD_PLOT, "plot", "FILE.svg", 0, 0, false, true, "draw latencies and rates" },
	{ LOAD_HELP_OPTION, "help", NULL, 0, 0, false, false, "print this help" },
	{ LOAD_VERSION_OPTION, "version", NULL, 0, 0, false, false, "print the version" },
};

#define OPTIONS_COUNT (sizeof(options) / sizeof(options[0]))

static void make_getopt_table(struct option *longs)
{
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		longs[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument != NULL ? required_argument : no_argument,
			.val = (int)options[i].option,
		};
	longs[OPTIONS_COUNT] = (struct option){ 0 };
}

static int usage_error(const char *what, const char *word)
{
	(void)fprintf(stderr, "dgramload: %s: %s; see dgramload --help\n", what, word);
	return -EINVAL;
}

static size_t row_of(int letter)
{
	size_t row = 0;

	while (row < OPTIONS_COUNT && options[row].option != (enum load_option)letter)
		row++;
	return row;
}

static int take_number(size_t row, const char *text, double *ret_number)
{
	char *end;
	double number = strtod(text, &end);

	if (end == text || *end != '\0' || !(number >= options[row].low) ||
		!(number <= options[row].high) || (options[row].whole && number != floor(number))) {
		(void)fprintf(stderr,
			"dgramload: --%s takes a %snumber from %.15g to %.15g, not %s; "
			"see dgramload --help\n",
			options[row].name, options[row].whole ? "whole " : "", options[row].low,
			options[row].high, text);
		return -EINVAL;
	}
	*ret_number = number;
	return 0;
}

static int take_option(struct load_given *given, int letter, char **argv)
{
	size_t row = row_of(letter);

	if (letter == ':')
		return usage_error("the option needs an argument", argv[optind - 1]);
	if (row == OPTIONS_COUNT)
		return usage_error("unknown option", argv[optind - 1]);
	given->given[letter] = true;
	given->texts[letter] = optarg;
	if (options[row].load && given->for_load == NULL)
		given->for_load = options[row].name;
	if (options[row].high > 0)
		return take_number(row, optarg, &given->numbers[letter]);
	return 0;
}

int load_cli_parse(int argc, char **argv, struct load_options *ret_options)
{
	struct load_given given = { .server = NULL };
	struct option longs[OPTIONS_COUNT + 1];
	int letter, error = 0;

	make_getopt_table(longs);
	optind = 0; /* anew: glibc keeps more than this */
	while (error == 0 && (letter = getopt_long(argc, argv, ":hV", longs, NULL)) != -1)
		error = take_option(&given, letter, argv);
	if (error < 0)
		return error;
	if (optind < argc)
		given.server = argv[optind++];
	if (optind < argc)
		return usage_error("unexpected argument", argv[optind]);
	return load_settle(&given, ret_options);
}

void load_cli_print_help(FILE *file)
{
	(void)fputs("usage: dgramload [OPTION]... ADDRESS:PORT\n"
		    "\n"
		    "Sends UDP requests and measures the answers; without --rate, --in-flight and\n"
		    "--find-max, sends one and prints its answer.\n"
		    "\n",
		file);
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const char *argument = options[i].argument != NULL ? options[i].argument : "";
		char letter[5] = "    ";

		if (options[i].option >= 'A')
			(void)snprintf(letter, sizeof(letter), "-%c, ", (char)options[i].option);
		(void)fprintf(file, "  %s--%s %-*s %s\n", letter, options[i].name,
			18 - (int)strlen(options[i].name), argument, options[i].help);
	}
	(void)fputs("\nSee dgramload(1).\n", file);
}
