#include "tools/load_settle.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"

#define DURATION_S 10
#define STEP_S 2 /* of a search */
#define PATIENCE_MS 1000
#define MAX_LOSS_PERCENT 0.1
#define MAX_P99_US 10000

static int refuse(const char *what, const char *word)
{
	(void)fprintf(stderr, "dgramload: %s%s%s; see dgramload --help\n", what,
		word[0] != '\0' ? ": " : "", word);
	return -EINVAL;
}

static double number(const struct load_given *given, enum load_option option, double otherwise)
{
	return given->given[option] ? given->numbers[option] : otherwise;
}

static int settle_addresses(const struct load_given *given, struct load_options *options)
{
	const char *sources = given->texts[LOAD_SOURCES];

	if (given->server == NULL)
		return refuse("which server? ADDRESS:PORT is missing", "");
	if (load_address_parse(given->server, &options->server) < 0)
		return refuse("the server is a numeric ADDRESS:PORT, [ADDRESS]:PORT, or PORT, not",
			given->server);
	if (sources == NULL)
		return 0;
	switch (load_sources_parse(sources, &options->sources)) {
	case 0:
		break;
	case -ERANGE:
		return refuse("--sources: more than 65536 addresses", sources);
	default:
		return refuse("--sources takes numeric A, A/N or A-B, not", sources);
	}
	if (options->sources.first.sa.sa_family != options->server.sa.sa_family)
		return refuse("--sources: another family than the server's", sources);
	return 0;
}

static int settle_mode(const struct load_given *given, struct load_options *options)
{
	const bool *has = given->given;

	if (has[LOAD_RATE] + has[LOAD_IN_FLIGHT] + has[LOAD_SEARCH] > 1)
		return refuse("only one of --rate, --in-flight and --find-max", "");
	options->mode = has[LOAD_RATE]	      ? LOAD_OPEN
			: has[LOAD_IN_FLIGHT] ? LOAD_CLOSED
			: has[LOAD_SEARCH]    ? LOAD_FIND_MAX
					      : LOAD_LONE;
	if (options->mode == LOAD_LONE && given->for_load != NULL)
		return refuse("only with --rate, --in-flight or --find-max", given->for_load);
	if (has[LOAD_RAMP] && options->mode != LOAD_OPEN)
		return refuse("only with --rate", "ramp");
	if (has[LOAD_COUNT] && options->mode == LOAD_FIND_MAX)
		return refuse("not with --find-max", "count");
	if (has[LOAD_WARMUP] && options->mode == LOAD_FIND_MAX)
		return refuse("not with --find-max", "warmup");
	if (has[LOAD_TEXT] + has[LOAD_HEX] + has[LOAD_FILE] + has[LOAD_RANDOM] > 1)
		return refuse("only one of --text, --hex, --file and --random", "");
	return 0;
}

static int64_t ns_of(double seconds)
{
	return (int64_t)(seconds * (double)NS_PER_S);
}

/* With a count alone there is no other end. */
static double duration_s(const struct load_given *given, enum load_mode mode)
{
	if (given->given[LOAD_COUNT])
		return number(given, LOAD_DURATION, LOAD_SECONDS_MAX);
	return number(given, LOAD_DURATION, mode == LOAD_FIND_MAX ? STEP_S : DURATION_S);
}

static void settle_numbers(const struct load_given *given, struct load_options *options)
{
	options->rate = number(given, LOAD_RATE, 0);
	options->in_flight = (unsigned)number(given, LOAD_IN_FLIGHT, 0);
	options->sockets = (unsigned)number(given, LOAD_SOCKETS, 1);
	options->duration_ns = ns_of(duration_s(given, options->mode));
	options->count = given->given[LOAD_COUNT] ? (uint64_t)given->numbers[LOAD_COUNT]
						  : UINT64_MAX;
	options->warmup_ns = ns_of(number(given, LOAD_WARMUP, 0));
	options->ramp_ns = ns_of(number(given, LOAD_RAMP, 0));
	options->patience_ns = ns_of(number(given, LOAD_PATIENCE, PATIENCE_MS) / 1e3);
	options->max_loss_percent = number(given, LOAD_MAX_LOSS, MAX_LOSS_PERCENT);
	options->max_p99_ns = ns_of(number(given, LOAD_MAX_P99, MAX_P99_US) / 1e6);
}

static void settle_payload(const struct load_given *given, struct load_options *options)
{
	options->sized = given->given[LOAD_SIZE];
	options->size = (size_t)number(given, LOAD_SIZE, 0);
	options->text = given->texts[LOAD_TEXT];
	options->hex = given->texts[LOAD_HEX];
	options->file = given->texts[LOAD_FILE];
	options->random = given->given[LOAD_RANDOM];
}

int load_settle(const struct load_given *given, struct load_options *ret_options)
{
	struct load_options options = {
		.action = given->given[LOAD_HELP_OPTION]      ? LOAD_HELP
			  : given->given[LOAD_VERSION_OPTION] ? LOAD_VERSION
							      : LOAD_GO,
		.check = given->given[LOAD_CHECK],
		.gso = given->given[LOAD_GSO],
		.json = given->given[LOAD_JSON],
		.plot = given->texts[LOAD_PLOT],
	};
	int error = 0;

	if (options.action == LOAD_GO) {
		error = settle_addresses(given, &options);
		if (error == 0)
			error = settle_mode(given, &options);
		settle_numbers(given, &options);
		settle_payload(given, &options);
	}
	if (error < 0)
		return error;
	*ret_options = options;
	return 0;
}
