#include "load/settle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

#define DURATION_S 10
#define STEP_S 2 /* of a search */
#define PATIENCE_MS 1000
#define MAX_LOSS_PERCENT 0.1
#define MAX_P99_US 10000

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
	va_list arguments;

	(void)fputs("dgramload: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputs("; see dgramload --help\n", stderr);
	return -EINVAL;
}

static double number(const struct load_given *given, enum load_option option, double otherwise)
{
	return given->given[option] ? given->numbers[option] : otherwise;
}

static int settle_addresses(const struct load_given *given, struct load_options *options)
{
	const char *server = given->server, *sources = given->texts[LOAD_SOURCES];
	int error;

	if (server == NULL)
		return refuse("ADDRESS:PORT of the server is missing");
	if (load_address_parse(server, &options->server) < 0)
		return refuse(
			"%s: the server is a numeric ADDRESS:PORT, [ADDRESS]:PORT or PORT", server);
	if (sources == NULL)
		return 0;
	error = load_sources_parse(sources, &options->sources);
	if (error == -ERANGE)
		return refuse(
			"--sources takes %d addresses at most, not %s", LOAD_SOURCES_MAX, sources);
	if (error < 0)
		return refuse("--sources takes a numeric A, A/N or A-B, not %s", sources);
	if (options->sources.first.sa.sa_family != options->server.sa.sa_family)
		return refuse("--sources %s: of another family than %s", sources, server);
	return 0;
}

static enum load_mode mode_of(const bool *given)
{
	if (given[LOAD_RATE])
		return LOAD_OPEN;
	if (given[LOAD_IN_FLIGHT])
		return LOAD_CLOSED;
	return given[LOAD_SEARCH] ? LOAD_FIND_MAX : LOAD_LONE;
}

static int settle_mode(const struct load_given *given, struct load_options *options)
{
	const bool *has = given->given;

	options->mode = mode_of(has);
	if (has[LOAD_RATE] + has[LOAD_IN_FLIGHT] + has[LOAD_SEARCH] > 1)
		return refuse("--rate, --in-flight and --find-max exclude each other");
	if (has[LOAD_TEXT] + has[LOAD_HEX] + has[LOAD_FILE] + has[LOAD_RANDOM] > 1)
		return refuse("--text, --hex, --file and --random exclude each other");
	if (options->mode == LOAD_LONE && given->for_load != NULL)
		return refuse(
			"--%s goes with --rate, --in-flight or --find-max only", given->for_load);
	if (options->mode != LOAD_OPEN && has[LOAD_RAMP])
		return refuse("--ramp goes with --rate only");
	if (options->mode == LOAD_FIND_MAX && (has[LOAD_COUNT] || has[LOAD_WARMUP]))
		return refuse("--count and --warmup do not go with --find-max");
	return 0;
}

static int check_numbers(const struct load_options *options)
{
	if (options->mode == LOAD_CLOSED &&
		(uint64_t)options->sockets * options->in_flight > LOAD_ALL_IN_FLIGHT_MAX)
		return refuse("--sockets times --in-flight is %d at most", LOAD_ALL_IN_FLIGHT_MAX);
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
		if (error == 0)
			error = check_numbers(&options);
	}
	if (error == 0)
		*ret_options = options;
	return error;
}
