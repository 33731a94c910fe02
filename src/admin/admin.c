#include "admin/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>
#include <sys/eventfd.h>

#include "admin/connection.h"
#include "admin/endpoint.h"
#include "admin/http.h"
#include "base/clock.h"
#include "base/sys.h"

/* Silent clients do not hold up an end. */
#define LINGER_MS 1000

static int give_reason(
	int error, char why[static ADMIN_WHY_MAX], const char *place, const char *what)
{
	(void)snprintf(why, ADMIN_WHY_MAX, "%s%s%s", place, place[0] != '\0' ? ": " : "", what);
	return error;
}

static int note_failure(
	int error, char why[static ADMIN_WHY_MAX], const struct admin_listener *listener)
{
	if (error == -EADDRINUSE && listener->local)
		return give_reason(error, why, listener->place,
			"another server listens there, or it is no socket");
	return error < 0 ? give_reason(error, why, listener->place, strerrordesc_np(-error)) : 0;
}

static int open_path(
	struct admin_listener *listener, const struct config_admin *config, int inherited)
{
	int error = listener_inherit_path(listener, config, inherited);

	return error == -ENOENT ? listener_open_path(listener, config) : error;
}

static int open_address(struct admin_listener *listener, const union addr *address, int inherited)
{
	int error = listener_inherit_address(listener, address, inherited);

	return error == -ENOENT ? listener_open_address(listener, address) : error;
}

static int open_listeners(struct admin *admin, const struct config_admin *config,
	struct admin_sockets inherited, char why[static ADMIN_WHY_MAX])
{
	struct admin_listener *listener = admin->listeners;
	int error = 0;

	if (config->socket != NULL) {
		error = note_failure(open_path(listener, config, inherited.path), why, listener);
		listener++;
	}
	if (error == 0 && config->listens)
		error = note_failure(
			open_address(listener, &config->address, inherited.address), why, listener);
	return error;
}

/* All descriptors are -1. */
static struct admin *make_empty_admin(void)
{
	struct admin *admin = calloc(1, sizeof(*admin));

	if (admin == NULL)
		return NULL;
	lock_init(&admin->lock);
	link_init(&admin->connections);
	admin->started = time(NULL);
	admin->started_ns = sys_monotonic_ns();
	for (unsigned i = 0; i < ENDPOINT_LISTENERS; i++)
		admin->listeners[i].fd = -1;
	admin->questions.fd = -1;
	admin->history = history_new();
	if (admin->history != NULL)
		return admin;
	lock_destroy(&admin->lock);
	free(admin);
	return NULL;
}

int admin_open(const struct config_admin *config, struct admin_sockets inherited,
	char why[static ADMIN_WHY_MAX], struct admin **ret_admin)
{
	const char *missing = "";
	struct admin *admin;
	int error;

	if (config->socket == NULL && !config->listens) {
		*ret_admin = NULL;
		return 0;
	}
	admin = make_empty_admin();
	if (admin == NULL)
		return give_reason(-ENOMEM, why, "", strerrordesc_np(ENOMEM));
	error = questions_open(&admin->questions);
	if (error == 0)
		error = history_open_clock(admin->history);
	if (error < 0)
		(void)give_reason(error, why, "", strerrordesc_np(-error));
	if (error == 0) {
		admin->library = library_load(&missing);
		if (admin->library == NULL)
			error = give_reason(-ENOSYS, why, LIBRARY_NAME, missing);
	}
	if (error == 0)
		error = open_listeners(admin, config, inherited, why);
	if (error < 0)
		admin_close(admin);
	else
		*ret_admin = admin;
	return error;
}

const char *admin_place(const struct admin *admin, unsigned index)
{
	if (index >= ENDPOINT_LISTENERS || admin->listeners[index].place[0] == '\0')
		return NULL;
	return admin->listeners[index].place;
}

int admin_fd(const struct admin *admin)
{
	return admin->questions.fd;
}

int admin_clock_fd(const struct admin *admin)
{
	return history_fd(admin->history);
}

int admin_start(struct admin *admin, struct dgram_server *server, char why[static ADMIN_WHY_MAX])
{
	admin->server = server;
	for (unsigned i = 0; admin_place(admin, i) != NULL; i++) {
		errno = 0;
		admin->daemons[i] = http_start(admin, &admin->listeners[i]);
		if (admin->daemons[i] == NULL) {
			int error = errno != 0 ? -errno : -EAGAIN;

			return give_reason(
				error, why, admin->listeners[i].place, strerrordesc_np(-error));
		}
	}
	return 0;
}

void admin_tell(struct admin *admin, const struct admin_state *state)
{
	lock_take(&admin->lock);
	admin->state = *state;
	lock_release(&admin->lock);
}

struct admin_state admin_read(struct admin *admin)
{
	struct admin_state state;

	lock_take(&admin->lock);
	state = admin->state;
	lock_release(&admin->lock);
	return state;
}

struct admin_sockets admin_sockets(const struct admin *admin)
{
	struct admin_sockets sockets = { -1, -1 };

	for (unsigned i = 0; i < ENDPOINT_LISTENERS; i++) {
		const struct admin_listener *listener = &admin->listeners[i];

		if (listener->fd >= 0)
			*(listener->local ? &sockets.path : &sockets.address) = listener->fd;
	}
	return sockets;
}

void admin_finish(struct admin *admin, int error, const char *said)
{
	questions_finish(&admin->questions, error, said);
}

void admin_linger(struct admin *admin)
{
	lock_take(&admin->lock);
	admin->lingers = true;
	lock_release(&admin->lock);
}

void admin_hand_over(struct admin *admin)
{
	admin_linger(admin);
	for (unsigned i = 0; i < ENDPOINT_LISTENERS; i++) {
		admin->listeners[i].handed_over = true;
		if (admin->daemons[i] != NULL)
			admin->quiesced[i] = http_quiesce(admin, admin->daemons[i]);
	}
}

/* Answers that are under way arrive. */
static void await_connections(struct admin *admin)
{
	struct pollfd ended = { .fd = admin->questions.fd, .events = POLLIN };
	int64_t end_ns = sys_monotonic_ns() + LINGER_MS * NS_PER_MS, left_ns;
	bool open = admin->lingers;
	eventfd_t ignored;

	while (open && (left_ns = end_ns - sys_monotonic_ns()) > 0) {
		lock_take(&admin->lock);
		open = !link_is_empty(&admin->connections);
		lock_release(&admin->lock);
		if (open && sys_wait(&ended, 1, (int)(left_ns / NS_PER_MS) + 1) > 0)
			(void)eventfd_read(ended.fd, &ignored);
	}
}

void admin_serve(struct admin *admin, admin_do_fn *act, void *context)
{
	history_add(admin->history, admin->server);
	connection_shut_late(admin, sys_monotonic_ns());
	questions_answer(&admin->questions, act, context);
}

void admin_close(struct admin *admin)
{
	if (admin == NULL)
		return;
	if (admin->questions.fd >= 0) {
		questions_finish(&admin->questions, -EINVAL, "the server ends");
		questions_answer(&admin->questions, NULL, NULL);
	}
	await_connections(admin);
	for (unsigned i = 0; i < ENDPOINT_LISTENERS; i++) {
		if (admin->daemons[i] != NULL)
			http_stop(admin, admin->daemons[i]);
		if (admin->quiesced[i] > 0)
			close(admin->quiesced[i]);
		listener_close(&admin->listeners[i]);
	}
	questions_close(&admin->questions);
	history_free(admin->history);
	lock_destroy(&admin->lock);
	free(admin);
}
