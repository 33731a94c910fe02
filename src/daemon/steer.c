#include "daemon/steer.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "config/params.h"

int steer_open(struct daemon *daemon)
{
	char why[ADMIN_WHY_MAX];
	int error = admin_open(
		config_admin(daemon->started), daemon->inheritance.admin, why, &daemon->admin);

	if (error < 0)
		dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "cannot open the admin endpoint",
			"%s", why);
	return error;
}

static void log_places(const struct daemon *daemon)
{
	const struct config_admin *config = config_admin(daemon->started);
	const char *place;

	for (unsigned i = 0; (place = admin_place(daemon->admin, i)) != NULL; i++)
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "admin endpoint", "%s", place);
	if (config->listens && !addr_is_loopback(&config->address))
		dgram_server_log(daemon->server, DGRAM_LOG_WARN,
			"admin endpoint reachable from other machines", "%s",
			admin_place(daemon->admin, config->socket != NULL));
}

static void tell_state(const struct daemon *daemon)
{
	const struct dgram_options *options = config_options(daemon->started);
	struct admin_state state = {
		.ready = dgram_server_is_ready(daemon->server),
		.stopping = daemon->stopping,
		.out = daemon->out,
		.workers = config_options(daemon->live)->workers,
		.reloads = daemon->reloads,
		.reloads_failed = daemon->reloads_failed,
		.reload_refused = daemon->reload_refused,
		.last_reload = daemon->last_reload,
	};

	(void)dgram_server_waiting(daemon->server, state.waiting, sizeof(state.waiting));
	for (size_t i = 0; i < options->services_count; i++)
		if (options->services[i].concurrency != DGRAM_INLINE)
			state.capacities[i] = options->services[i].queue_capacity;
	admin_tell(daemon->admin, &state);
}

int steer_start(struct daemon *daemon)
{
	struct epoll_event event = { .events = EPOLLIN };
	char why[ADMIN_WHY_MAX];
	int error;

	if (daemon->admin == NULL)
		return 0;
	tell_state(daemon);
	error = admin_start(daemon->admin, daemon->server, why);
	if (error == 0 &&
		(epoll_ctl(daemon->wake_fd, EPOLL_CTL_ADD, admin_fd(daemon->admin), &event) < 0 ||
			epoll_ctl(daemon->wake_fd, EPOLL_CTL_ADD, admin_clock_fd(daemon->admin),
				&event) < 0)) {
		error = -errno;
		(void)snprintf(why, sizeof(why), "%s", strerrordesc_np(errno));
	}
	if (error < 0)
		dgram_server_log(daemon->server, DGRAM_LOG_ERROR, "cannot open the admin endpoint",
			"%s", why);
	else
		log_places(daemon);
	return error;
}

static int refuse_request(struct daemon *daemon, const struct admin_order *order, const char *why)
{
	dgram_server_log(daemon->server, DGRAM_LOG_WARN, "admin request refused", "%s", why);
	(void)fprintf(order->said, "admin request refused: %s\n", why);
	return -EINVAL;
}

static int set_log_level(struct daemon *daemon, const struct admin_order *order)
{
	struct dgram_options options = daemon_options(daemon, daemon->live);
	char why[DGRAM_ERROR_TEXT_MAX];
	unsigned level;
	int error;

	if (param_word_find(&params[PARAM_LOG_LEVEL], order->argument, &level) < 0)
		return refuse_request(
			daemon, order, "the level must be error, warn, info or debug");
	options.log_level = (enum dgram_log_level)level;
	options.error_text = why;
	options.error_text_size = sizeof(why);
	(void)snprintf(why, sizeof(why), "the server ends");
	error = dgram_server_reconfigure(daemon->server, &options);
	if (error < 0)
		return refuse_request(daemon, order, why);
	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "log level", "%s, until the next reload",
		order->argument);
	(void)fprintf(order->said, "log level: %s, until the next reload\n", order->argument);
	return 0;
}

/* Who asks whether it is ready is told that it is not; it serves as before. */
static int take_out(struct daemon *daemon, const struct admin_order *order, bool out)
{
	const char *what = out ? "not ready from now on"
			   : dgram_server_is_ready(daemon->server)
				   ? "ready again"
				   : "no more, but it waits for an address";

	daemon->out = out;
	dgram_server_log(daemon->server, DGRAM_LOG_INFO, "taken out of service", "%s", what);
	(void)fprintf(order->said, "taken out of service: %s\n", what);
	return 0;
}

static int obey(struct daemon *daemon, const struct admin_order *order)
{
	switch (order->act) {
	case ADMIN_PRINT_CONFIG:
		config_print(daemon->live, order->said);
		return 0;
	case ADMIN_PRINT_SCHEMA:
		config_schema_print(daemon->source->handlers, order->said);
		return 0;
	case ADMIN_RELOAD:
		return daemon_reload(daemon, order->said);
	case ADMIN_UPGRADE:
		return upgrade_begin(daemon, order->said) < 0 ? -EINVAL : -EINPROGRESS;
	case ADMIN_LOG_LEVEL:
		return set_log_level(daemon, order);
	case ADMIN_TAKE_OUT:
	case ADMIN_TAKE_IN:
		return take_out(daemon, order, order->act == ADMIN_TAKE_OUT);
	default:
		return 0;
	}
}

/* Who reads only is not logged. */
static int do_order(void *context, const struct admin_order *order)
{
	struct daemon *daemon = context;
	int error;

	if (order->act >= ADMIN_RELOAD)
		dgram_server_log(daemon->server, DGRAM_LOG_INFO, "admin request", "%s by uid %u",
			order->path, order->uid);
	error = obey(daemon, order);
	tell_state(daemon);
	return error;
}

void steer_serve(struct daemon *daemon)
{
	if (daemon->admin == NULL)
		return;
	tell_state(daemon);
	admin_serve(daemon->admin, do_order, daemon);
}
