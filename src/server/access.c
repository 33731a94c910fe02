/* Which sources the services let in: tables made of options, put in force while receivers use others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/server.h"

/* A list of texts, and what stands before them in a message. */
struct texts {
	const char *label; /* "services[1].access->deny" */
	const char *const *of;
	size_t count;
	bool allow;
};

static int parse_texts(
	const struct dgram_options *options, const struct texts *texts, struct prefix_rule *rules)
{
	struct prefix_error error;

	if (texts->count > 0 && texts->of == NULL)
		return server_options_refuse(options, "%s: missing", texts->label);
	for (size_t i = 0; i < texts->count; i++) {
		if (texts->of[i] == NULL)
			return server_options_refuse(options, "%s[%zu]: missing", texts->label, i);
		if (prefix_parse(texts->of[i], &rules[i].prefix, &error) < 0)
			return server_options_refuse(options, "%s[%zu]: \"%.64s\": %s",
				texts->label, i, texts->of[i], error.message);
		rules[i].allow = texts->allow;
	}
	return 0;
}

static int check_contradictions(const struct dgram_options *options, const char *label,
	const struct prefix_rule *rules, size_t count)
{
	char prefix[PREFIX_TEXT_MAX];

	for (size_t i = 1; i < count; i++)
		if (prefix_contradicts(&rules[i - 1], &rules[i]))
			return server_options_refuse(options, "%s: allows and denies %s", label,
				prefix_format(&rules[i].prefix, prefix));
	return 0;
}

static int make_rules(const struct dgram_options *options, size_t service,
	const struct dgram_access *access, struct prefix_rule *rules)
{
	char label[48], allow[64], deny[64];
	const struct texts allowed = { allow, access->allow, access->allow_count, true };
	const struct texts denied = { deny, access->deny, access->deny_count, false };
	int error;

	(void)snprintf(label, sizeof(label), "services[%zu].access", service);
	(void)snprintf(allow, sizeof(allow), "%s->allow", label);
	(void)snprintf(deny, sizeof(deny), "%s->deny", label);
	error = parse_texts(options, &allowed, rules);
	if (error == 0)
		error = parse_texts(options, &denied, rules + allowed.count);
	if (error < 0)
		return error;
	prefix_sort(rules, allowed.count + denied.count);
	return check_contradictions(options, label, rules, allowed.count + denied.count);
}

/* NULL: all sources are let in. */
static int make_table(
	const struct dgram_options *options, size_t service, struct access **ret_table)
{
	const struct dgram_access *access = options->services[service].access;
	struct prefix_rule *rules;
	size_t count;
	int error;

	*ret_table = NULL;
	if (access == NULL || (access->allow_count == 0 && access->deny_count == 0))
		return 0;
	if (access->allow_count > DGRAM_ACCESS_PREFIXES_MAX ||
		access->deny_count > DGRAM_ACCESS_PREFIXES_MAX - access->allow_count)
		return server_options_refuse(options,
			"services[%zu].access: has more than %u prefixes", service,
			DGRAM_ACCESS_PREFIXES_MAX);
	count = access->allow_count + access->deny_count;
	rules = calloc(count, sizeof(*rules));
	if (rules == NULL)
		return server_options_fail(options, -ENOMEM);
	error = make_rules(options, service, access, rules);
	if (error == 0) {
		error = access_new(rules, count, access->allow_count == 0, ret_table);
		error = error < 0 ? server_options_fail(options, error) : 0;
	}
	free(rules);
	return error;
}

/* The first of the tables that is the same as number `index`. */
static size_t first_same(struct access *const *tables, size_t index)
{
	size_t first = 0;

	while (tables[first] != tables[index])
		first++;
	return first;
}

int server_access_make(
	const struct dgram_options *options, struct access *ret_made[static DGRAM_SERVICES_MAX])
{
	const struct dgram_service *services = options->services;
	int error = 0;

	for (size_t i = 0; i < options->services_count; i++)
		ret_made[i] = NULL;
	for (size_t i = 0; error == 0 && i < options->services_count; i++) {
		size_t same = 0;

		while (services[same].access != services[i].access)
			same++;
		if (same < i)
			ret_made[i] = ret_made[same];
		else
			error = make_table(options, i, &ret_made[i]);
	}
	if (error < 0)
		server_access_discard(options, ret_made);
	return error;
}

void server_access_discard(
	const struct dgram_options *options, struct access *made[static DGRAM_SERVICES_MAX])
{
	for (size_t i = options->services_count; i-- > 0;)
		if (first_same(made, i) == i)
			access_free(made[i]);
}

static bool is_in_force(const struct dgram_server *server, const struct access *access)
{
	for (unsigned i = 0; i < server->services_count; i++)
		if (atomic_load(&server->services[i].access) == access)
			return true;
	return false;
}

static bool is_used(const struct dgram_server *server, const struct access *access)
{
	for (unsigned i = 0; i < server->sockets_count; i++)
		if (atomic_load(&server->listeners[i].receiver.guard.access_used) == access)
			return true;
	return false;
}

/* A receiver uses one at most, so there is always room for those of all services. */
static void free_replaced(struct dgram_server *server)
{
	size_t kept = 0;

	for (size_t i = 0; i < server->replaced_count; i++) {
		if (is_used(server, server->replaced[i]))
			server->replaced[kept++] = server->replaced[i];
		else
			access_free(server->replaced[i]);
	}
	server->replaced_count = kept;
}

void server_access_put(struct dgram_server *server, const struct dgram_options *options,
	struct access *made[static DGRAM_SERVICES_MAX])
{
	struct access *before[DGRAM_SERVICES_MAX] = { NULL };

	free_replaced(server);
	for (unsigned i = 0; i < server->services_count; i++) {
		struct service *service = &server->services[i];
		const struct dgram_service *wanted = server_reconfigure_find(service, options);

		if (wanted != NULL)
			before[i] = (struct access *)atomic_exchange(
				&service->access, made[wanted - options->services]);
	}
	for (unsigned i = 0; i < server->services_count; i++)
		if (before[i] != NULL && first_same(before, i) == i &&
			!is_in_force(server, before[i]))
			server->replaced[server->replaced_count++] = before[i];
	for (size_t i = 0; i < options->services_count; i++)
		if (is_in_force(server, made[i]))
			made[i] = NULL;
	server_access_discard(options, made);
	free_replaced(server);
}

void server_access_free(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		struct access *access =
			(struct access *)atomic_exchange(&server->services[i].access, NULL);

		if (!is_in_force(server, access))
			access_free(access);
	}
	for (size_t i = 0; i < server->replaced_count; i++)
		access_free(server->replaced[i]);
}

size_t server_access_bytes(const struct dgram_server *server)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < server->services_count; i++) {
		const struct access *access = atomic_load(&server->services[i].access);
		unsigned first = 0;

		while (atomic_load(&server->services[first].access) != access)
			first++;
		bytes += access != NULL && first == i ? access_bytes(access) : 0;
	}
	return bytes;
}
