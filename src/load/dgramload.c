/* dgramload: sends UDP requests, one or many, and measures what becomes of them. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/descriptors.h"
#include "load/plot.h"
#include "load/report.h"
#include "load/single.h"

static int status_of(int error)
{
	switch (error) {
	case 0:
		return EX_OK;
	case -EIO:
		return EXIT_FAILURE;
	case -EINVAL:
		return EX_USAGE;
	case -EADDRNOTAVAIL:
	case -EADDRINUSE:
		return EX_UNAVAILABLE;
	case -EACCES:
	case -EPERM:
		return EX_NOPERM;
	default:
		return EX_OSERR;
	}
}

static int print_error(int error)
{
	(void)fprintf(stderr, "dgramload: error: %s\n", strerrordesc_np(-error));
	return error;
}

/* Output that does not arrive is an error. */
static int flush_output(void)
{
	if (fflush(stdout) == 0)
		return EX_OK;
	(void)print_error(-errno);
	return EX_OSERR;
}

/* The first signal ends the run, which is still reported; the second one ends dgramload. */
static void on_signal(int number)
{
	(void)number;
	load_run_stop();
}

static int prepare_process(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	struct rlimit files;
	int error = descriptors_open_standard();

	if (error < 0)
		return print_error(error);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	return 0;
}

static int measure(const struct load_options *options, const struct load_payload *payload)
{
	struct load_search search = { .steps_count = 0 };
	struct load_result result;
	int error;

	switch (options->mode) {
	case LOAD_SINGLE:
		error = load_single(options, payload, &result);
		if (error == 0 || error == -EIO)
			load_report(options, &result, &search);
		return error;
	case LOAD_FIND_MAX:
		error = load_search(options, payload, &search, &result);
		break;
	default:
		error = load_run(options, payload, &result);
	}
	if (error < 0)
		return error;
	load_report(options, &result, &search);
	return options->plot != NULL ? load_plot(options, &result, &search) : 0;
}

static int go(const struct load_options *options)
{
	struct load_payload payload;
	int error = prepare_process();

	if (error == 0)
		error = load_payload_make(options, &payload);
	if (error < 0)
		return status_of(error);
	error = measure(options, &payload);
	load_payload_free(&payload);
	return error < 0 ? status_of(error) : flush_output();
}

int main(int argc, char **argv)
{
	struct load_options options;

	if (load_options_parse(argc, argv, &options) < 0)
		return EX_USAGE;
	switch (options.action) {
	case LOAD_HELP:
		load_options_print_help(stdout);
		return flush_output();
	case LOAD_VERSION:
		(void)printf("dgramload %s\n", DGRAM_VERSION);
		return flush_output();
	default:
		return go(&options);
	}
}
