#include "load/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SECONDS_MAX 1000000 /* 11 days */
#define DURATION_S 10
#define STEP_S 2 /* of --find-max */
#define TIMEOUT_MS 1000
#define MAX_LOSS_PERCENT 0.1
#define MAX_P99_US 10000

enum option_index {
	OPTION_RATE,
	OPTION_IN_FLIGHT,
	OPTION_FIND_MAX,
	OPTION_SOCKETS,
	OPTION_SOURCES,
	OPTION_DURATION,
	OPTION_COUNT,
	OPTION_WARMUP,
	OPTION_RAMP,
	OPTION_PATIENCE,
	OPTION_SIZE,
	OPTION_TEXT,
	OPTION_HEX,
	OPTION_FILE,
	OPTION_RANDOM,
	OPTION_DNS,
	OPTION_NTP,
	OPTION_ID_AT,
	OPTION_CHECK,
	OPTION_MIN_ANSWER,
	OPTION_GSO,
	OPTION_MAX_LOSS,
	OPTION_MAX_P99,
	OPTION_JSON,
	OPTION_PROGRESS,
	OPTION_PLOT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTIONS_COUNT,
};

/* The one table of options: getopt's options, the ranges and the help come from it. A number has a
 * range; a flag has no argument; an option with `load` is refused for a single request. */
static const struct {
	const char *name, *argument;
	double low, high;
	bool whole, load;
	const char *help;
} options_table[OPTIONS_COUNT] = {
	[OPTION_RATE] = { "rate", "R", 0.001, LOAD_RATE_MAX, false, false,
		"open loop: send R requests a second in all" },
	[OPTION_IN_FLIGHT] = { "in-flight", "N", 1, LOAD_IN_FLIGHT_MAX, true, false,
		"closed loop: keep N requests of each socket in flight" },
	[OPTION_FIND_MAX] = { "find-max", NULL, 0, 0, false, false,
		"search the highest rate within the limits" },
	[OPTION_SOCKETS] = { "sockets", "N", 1, LOAD_SOCKETS_MAX, true, true,
		"send from N sockets (1)" },
	[OPTION_SOURCES] = { "sources", "A[/N|-B]", 0, 0, false, false,
		"bind the sockets to these addresses in turn" },
	[OPTION_DURATION] = { "duration", "S", 0.001, SECONDS_MAX, false, true,
		"send for S seconds (10; each step of --find-max: 2)" },
	[OPTION_COUNT] = { "count", "N", 1, 1e15, true, true, "stop after N requests" },
	[OPTION_WARMUP] = { "warmup", "S", 0, SECONDS_MAX, false, true,
		"first send for S seconds without counting (0)" },
	[OPTION_RAMP] = { "ramp", "S", 0, SECONDS_MAX, false, true,
		"raise the rate from 0 over the first S seconds" },
	[OPTION_PATIENCE] = { "patience", "MS", 1, 3600000, false, false,
		"count an answer after MS milliseconds as late (1000)" },
	[OPTION_SIZE] = { "size", "BYTES", 0, LOAD_PAYLOAD_MAX, true, false,
		"length of a request (32; a single one: 0)" },
	[OPTION_TEXT] = { "text", "T", 0, 0, false, false, "send this text" },
	[OPTION_HEX] = { "hex", "HEX", 0, 0, false, false, "send these bytes" },
	[OPTION_FILE] = { "file", "F", 0, 0, false, false, "send the content of this file" },
	[OPTION_RANDOM] = { "random", NULL, 0, 0, false, false, "send random bytes" },
	[OPTION_DNS] = { "dns", "NAME[/TYPE]", 0, 0, false, false, "send this DNS query" },
	[OPTION_NTP] = { "ntp", NULL, 0, 0, false, false, "send a client's NTP request" },
	[OPTION_ID_AT] = { "id-at", "OFFSET:BYTES", 0, 0, false, true,
		"number the requests there; :OFFSET in the answers" },
	[OPTION_CHECK] = { "check", NULL, 0, 0, false, true,
		"verify that each answer echoes its request" },
	[OPTION_MIN_ANSWER] = { "min-answer", "BYTES", 0, LOAD_PAYLOAD_MAX, true, false,
		"a shorter datagram is no answer (1)" },
	[OPTION_GSO] = { "gso", NULL, 0, 0, false, true, "send batches by UDP_SEGMENT" },
	[OPTION_MAX_LOSS] = { "max-loss", "PERCENT", 0, 100, false, true,
		"limit of requests not answered in time (0.1)" },
	[OPTION_MAX_P99] = { "max-p99-us", "US", 1, 3600000000.0, false, true,
		"limit of the 99th percentile of latency (10000)" },
	[OPTION_JSON] = { "json", NULL, 0, 0, false, false, "print the summary as JSON" },
	[OPTION_PROGRESS] = { "progress", "S", 0.1, 3600, false, true,
		"a line on stderr every S seconds; JSON with --json" },
	[OPTION_PLOT] = { "plot", "FILE.svg", 0, 0, false, true, "draw latencies and rates" },
	[OPTION_HELP] = { "help", NULL, 0, 0, false, false, "print this help" },
	[OPTION_VERSION] = { "version", NULL, 0, 0, false, false, "print the version" },
};

/* The command line by option. Numbers are in the option's unit and within its range. */
struct cli_args {
	const char *server;
	bool present[OPTIONS_COUNT];
	const char *texts[OPTIONS_COUNT];
	double numbers[OPTIONS_COUNT];
	const char *load_only; /* the first option that is refused for a single request */
};

__attribute__((format(printf, 1, 2))) static int refuse_usage(const char *format, ...)
{
	va_list arguments;

	(void)fputs("dgramload: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputs("; see dgramload --help\n", stderr);
	return -EINVAL;
}

static int parse_option_number(size_t i, const char *text, double *ret_number)
{
	char *end;
	double low = options_table[i].low, high = options_table[i].high;
	double number = strtod(text, &end);

	if (end == text || *end != '\0' || !(number >= low) || !(number <= high) ||
		(options_table[i].whole && number != floor(number)))
		return refuse_usage("--%s takes a %snumber from %.15g to %.15g, not %s",
			options_table[i].name, options_table[i].whole ? "whole " : "", low, high,
			text);
	*ret_number = number;
	return 0;
}

/* `code` is what getopt_long() returned: an option's index, a letter, ':' or '?'. */
static int parse_option(struct cli_args *args, int code, char **argv)
{
	size_t i = code == 'h' ? OPTION_HELP : code == 'V' ? OPTION_VERSION : (size_t)code;

	if (code == ':')
		return refuse_usage("the option needs an argument: %s", argv[optind - 1]);
	if (i >= OPTIONS_COUNT)
		return refuse_usage("unknown option: %s", argv[optind - 1]);
	args->present[i] = true;
	args->texts[i] = optarg;
	if (options_table[i].load && args->load_only == NULL)
		args->load_only = options_table[i].name;
	if (options_table[i].high > 0)
		return parse_option_number(i, optarg, &args->numbers[i]);
	return 0;
}

static int parse_args(int argc, char **argv, struct cli_args *args)
{
	struct option longs[OPTIONS_COUNT + 1] = { { .name = NULL } };
	int code, error = 0;

	for (int i = 0; i < OPTIONS_COUNT; i++)
		longs[i] = (struct option){
			.name = options_table[i].name,
			.has_arg = options_table[i].argument != NULL ? required_argument
								     : no_argument,
			.val = i,
		};
	optind = 0; /* with 1, glibc would keep its state of an earlier command line */
	while (error == 0 && (code = getopt_long(argc, argv, ":hV", longs, NULL)) != -1)
		error = parse_option(args, code, argv);
	if (error == 0 && optind < argc)
		args->server = argv[optind++];
	if (error == 0 && optind < argc)
		return refuse_usage("unexpected argument: %s", argv[optind]);
	return error;
}

static int resolve_addresses(const struct cli_args *args, struct load_options *options)
{
	const char *server = args->server, *sources = args->texts[OPTION_SOURCES];
	int error;

	if (server == NULL)
		return refuse_usage("ADDRESS:PORT of the server is missing");
	if (load_address_parse_server(server, &options->server) < 0)
		return refuse_usage(
			"%s: the server is a numeric ADDRESS:PORT, [ADDRESS]:PORT, localhost:PORT or PORT",
			server);
	if (sources == NULL)
		return 0;
	error = load_address_parse_sources(sources, &options->sources);
	if (error == -ERANGE)
		return refuse_usage(
			"--sources takes %d addresses at most, not %s", LOAD_SOURCES_MAX, sources);
	if (error < 0)
		return refuse_usage("--sources takes a numeric A, A/N or A-B, not %s", sources);
	if (options->sources.first.sa.sa_family != options->server.sa.sa_family)
		return refuse_usage("--sources %s: of another family than %s", sources, server);
	return 0;
}

static enum load_mode mode_of(const bool *has)
{
	if (has[OPTION_RATE])
		return LOAD_OPEN;
	if (has[OPTION_IN_FLIGHT])
		return LOAD_CLOSED;
	return has[OPTION_FIND_MAX] ? LOAD_FIND_MAX : LOAD_SINGLE;
}

/* Whether the options go together. */
static int validate(const struct cli_args *args, enum load_mode mode)
{
	const bool *has = args->present;

	if (has[OPTION_RATE] + has[OPTION_IN_FLIGHT] + has[OPTION_FIND_MAX] > 1)
		return refuse_usage("--rate, --in-flight and --find-max exclude each other");
	if (has[OPTION_TEXT] + has[OPTION_HEX] + has[OPTION_FILE] + has[OPTION_RANDOM] +
			has[OPTION_DNS] + has[OPTION_NTP] >
		1)
		return refuse_usage(
			"--text, --hex, --file, --random, --dns and --ntp exclude each other");
	if (mode == LOAD_SINGLE && args->load_only != NULL)
		return refuse_usage(
			"--%s goes with --rate, --in-flight or --find-max only", args->load_only);
	if (mode != LOAD_OPEN && has[OPTION_RAMP])
		return refuse_usage("--ramp goes with --rate only");
	if (has[OPTION_CHECK] && (has[OPTION_DNS] || has[OPTION_NTP]))
		return refuse_usage("--check goes with an echo only, not with --dns and --ntp");
	if (mode == LOAD_FIND_MAX && (has[OPTION_COUNT] || has[OPTION_WARMUP]))
		return refuse_usage("--count and --warmup do not go with --find-max");
	return 0;
}

static double number_of(const struct cli_args *args, enum option_index i, double otherwise)
{
	return args->present[i] ? args->numbers[i] : otherwise;
}

static int64_t ns_of(double seconds)
{
	return (int64_t)(seconds * (double)NS_PER_S);
}

static int resolve_numbers(const struct cli_args *args, struct load_options *options)
{
	bool counted = args->present[OPTION_COUNT];
	double duration_s = options->mode == LOAD_FIND_MAX ? STEP_S : DURATION_S;

	if (counted)
		duration_s = SECONDS_MAX; /* the count is the end */
	options->rate = number_of(args, OPTION_RATE, 0);
	options->in_flight = (unsigned)number_of(args, OPTION_IN_FLIGHT, 0);
	options->sockets = (unsigned)number_of(args, OPTION_SOCKETS, 1);
	options->duration_ns = ns_of(number_of(args, OPTION_DURATION, duration_s));
	options->count = counted ? (uint64_t)args->numbers[OPTION_COUNT] : UINT64_MAX;
	options->warmup_ns = ns_of(number_of(args, OPTION_WARMUP, 0));
	options->ramp_ns = ns_of(number_of(args, OPTION_RAMP, 0));
	options->timeout_ns = ns_of(number_of(args, OPTION_PATIENCE, TIMEOUT_MS) / 1e3);
	options->size = (size_t)number_of(args, OPTION_SIZE, 0);
	options->min_answer = args->present[OPTION_MIN_ANSWER]
				      ? (size_t)args->numbers[OPTION_MIN_ANSWER]
				      : SIZE_MAX;
	options->max_loss_percent = number_of(args, OPTION_MAX_LOSS, MAX_LOSS_PERCENT);
	options->max_p99_ns = ns_of(number_of(args, OPTION_MAX_P99, MAX_P99_US) / 1e6);
	options->progress_ns = ns_of(number_of(args, OPTION_PROGRESS, 0));
	if ((uint64_t)options->sockets * options->in_flight > LOAD_ALL_IN_FLIGHT_MAX)
		return refuse_usage(
			"--sockets times --in-flight is %d at most", LOAD_ALL_IN_FLIGHT_MAX);
	if (args->present[OPTION_ID_AT] &&
		load_id_parse(args->texts[OPTION_ID_AT], &options->id) < 0)
		return refuse_usage(
			"--id-at takes OFFSET:BYTES, BYTES from 1 to 8, and :OFFSET of the "
			"answers if it is another, not %s",
			args->texts[OPTION_ID_AT]);
	return 0;
}

int load_options_parse(int argc, char **argv, struct load_options *ret_options)
{
	struct cli_args args = { .server = NULL };
	int error = parse_args(argc, argv, &args);
	struct load_options options = {
		.action = args.present[OPTION_HELP]	 ? LOAD_HELP
			  : args.present[OPTION_VERSION] ? LOAD_VERSION
							 : LOAD_GO,
		.mode = mode_of(args.present),
		.text = args.texts[OPTION_TEXT],
		.hex = args.texts[OPTION_HEX],
		.file = args.texts[OPTION_FILE],
		.sized = args.present[OPTION_SIZE],
		.dns = args.texts[OPTION_DNS],
		.random = args.present[OPTION_RANDOM],
		.ntp = args.present[OPTION_NTP],
		.check = args.present[OPTION_CHECK],
		.gso = args.present[OPTION_GSO],
		.json = args.present[OPTION_JSON],
		.plot = args.texts[OPTION_PLOT],
	};

	if (error == 0 && options.action == LOAD_GO) {
		error = resolve_addresses(&args, &options);
		if (error == 0)
			error = validate(&args, options.mode);
		if (error == 0)
			error = resolve_numbers(&args, &options);
	}
	if (error == 0)
		*ret_options = options;
	return error;
}

void load_options_print_help(FILE *file)
{
	(void)fputs("usage: dgramload [OPTION]... ADDRESS:PORT\n"
		    "\n"
		    "Sends UDP requests and measures the answers. Without --rate, --in-flight and\n"
		    "--find-max it sends one request and prints the answer.\n"
		    "\n",
		file);
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const char *argument = options_table[i].argument;
		const char *letter = i == OPTION_HELP	   ? "-h, "
				     : i == OPTION_VERSION ? "-V, "
							   : "    ";

		(void)fprintf(file, "  %s--%s %-*s %s\n", letter, options_table[i].name,
			18 - (int)strlen(options_table[i].name), argument != NULL ? argument : "",
			options_table[i].help);
	}
	(void)fputs("\nSee dgramload(1).\n", file);
}
