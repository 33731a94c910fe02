/* Which sources the services let in: tables made of options, put in force while receivers use others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/server.h"

static int make_rules(const struct dgram_options *options, size_t service,
	struct prefix_rule *rules, size_t count)
{
	const struct dgram_access *access = options->services[service].access;
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		bool allow = i < access->allow_count;
		size_t at = allow ? i : i - access->allow_count;
		const char *const *list = allow ? access->allow : access->deny;
		struct prefix_error why = { "missing", 0, 0 };

		rules[i].allow = allow;
		if (list == NULL || list[at] == NULL ||
			prefix_parse(list[at], &rules[i].prefix, &why) < 0)
			return server_options_refuse(options, "services[%zu].access->%s[%zu]: %s",
				service, allow ? "allow" : "deny", at, why.message);
	}
	prefix_sort(rules, count);
	for (size_t i = 1; i < count; i++)
		if (prefix_contradicts(&rules[i - 1], &rules[i]))
			return server_options_refuse(options,
				"services[%zu].access: allows and denies %s", service,
				prefix_format(&rules[i].prefix, text));
	return 0;
}

/* NULL: all sources are let in. */
static int make_table(
	const struct dgram_options *options, size_t service, struct access **ret_table)
{
	const struct dgram_access *access = options->services[service].access;
	size_t count = access != NULL ? access->allow_count + access->deny_count : 0;
	struct prefix_rule *rules;
	int error;

	if (count == 0)
		return 0;
	if (access->allow_count > DGRAM_ACCESS_PREFIXES_MAX || count > DGRAM_ACCESS_PREFIXES_MAX)
		return server_options_refuse(options,
			"services[%zu].access: has more than %u prefixes", service,
			DGRAM_ACCESS_PREFIXES_MAX);
	rules = calloc(count, sizeof(*rules));
	if (rules == NULL)
		return server_options_fail(options, -ENOMEM);
	error = make_rules(options, service, rules, count);
	if (error == 0 && access_new(rules, count, access->allow_count == 0, ret_table) < 0)
		error = server_options_fail(options, -ENOMEM);
	free(rules);
	return error;
}

int server_access_make(
	const struct dgram_options *options, struct access *ret_made[static DGRAM_SERVICES_MAX])
{
	int error = 0;

	for (size_t i = 0; i < options->services_count; i++) {
		size_t same = 0;

		ret_made[i] = NULL;
		while (options->services[same].access != options->services[i].access)
			same++;
		if (same == i && error == 0)
			error = make_table(options, i, &ret_made[i]);
		else if (same < i && ret_made[same] != NULL) {
			ret_made[i] = ret_made[same];
			ret_made[i]->users++;
		}
	}
	if (error < 0)
		server_access_discard(options, ret_made);
	return error;
}

static bool is_used(const struct dgram_server *server, const struct access *access)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (atomic_load(&server->listeners[i].receiver.guard.access_used) == access)
			return true;
	return false;
}

static void free_replaced(struct dgram_server *server)
{
	struct access **at = &server->replaced;

	while (*at != NULL) {
		struct access *access = *at;

		if (is_used(server, access)) {
			at = &access->next;
		} else {
			*at = access->next;
			access_free(access);
		}
	}
}

/* One user less. */
static void leave_to(struct access **list, struct access *access)
{
	if (access == NULL || --access->users > 0)
		return;
	access->next = *list;
	*list = access;
}

void server_access_discard(
	const struct dgram_options *options, struct access *made[static DGRAM_SERVICES_MAX])
{
	for (size_t i = 0; i < options->services_count; i++) {
		struct access *last = NULL;

		leave_to(&last, made[i]);
		access_free(last);
	}
}

void server_access_put(struct dgram_server *server, const struct dgram_options *options,
	struct access *made[static DGRAM_SERVICES_MAX])
{
	for (unsigned i = 0; i < server->services_count; i++) {
		struct service *service = &server->services[i];
		const struct dgram_service *wanted = server_reconfigure_find(service, options);
		size_t at;

		if (wanted == NULL)
			continue;
		at = (size_t)(wanted - options->services);
		made[at] = (struct access *)atomic_exchange(&service->access, made[at]);
	}
	for (size_t i = 0; i < options->services_count; i++)
		leave_to(&server->replaced, made[i]);
	free_replaced(server);
}

void server_access_free(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++)
		leave_to(&server->replaced,
			(struct access *)atomic_exchange(&server->services[i].access, NULL));
	free_replaced(server);
}

size_t server_access_bytes(const struct dgram_server *server)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < server->services_count; i++) {
		const struct access *access = atomic_load(&server->services[i].access);

		if (access != NULL)
			bytes += access_bytes(access) / access->users + 1;
	}
	return bytes;
}
