/* Which sources the services let in, and which have no limits: tables made of options, put in force while receivers
 * look into others. */
#include <errno.h>
#include <stdlib.h>

#include "server/server.h"

/* What they are called in messages, and of how many prefixes they are made, at most. */
static const struct kind {
	const char *name, *allow, *deny;
	size_t most;
} kinds[ACCESS_TABLES] = {
	[ACCESS_ADMITS] = { "access", "access->allow", "access->deny", DGRAM_ACCESS_PREFIXES_MAX },
	[ACCESS_EXEMPTS] = { "limits_exempt", "limits_exempt", "", DGRAM_EXEMPT_MAX },
};

static struct dgram_access lists_of(const struct dgram_service *service, enum access_table table)
{
	if (table == ACCESS_EXEMPTS)
		return (struct dgram_access){ .allow = service->limits_exempt,
			.allow_count = service->limits_exempt_count };
	return service->access != NULL ? *service->access : (struct dgram_access){ .allow = NULL };
}

static int make_rules(const struct dgram_options *options, size_t service, enum access_table table,
	struct prefix_rule *rules, size_t count)
{
	const struct dgram_access lists = lists_of(&options->services[service], table);
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		bool allow = i < lists.allow_count;
		size_t at = allow ? i : i - lists.allow_count;
		const char *const *list = allow ? lists.allow : lists.deny;
		struct prefix_error why = { "missing", 0, 0 };

		rules[i].allow = allow;
		if (list == NULL || list[at] == NULL ||
			prefix_parse(list[at], &rules[i].prefix, &why) < 0)
			return server_options_refuse(options, "services[%zu].%s[%zu]: %s", service,
				allow ? kinds[table].allow : kinds[table].deny, at, why.message);
	}
	prefix_sort(rules, count);
	for (size_t i = 1; i < count; i++)
		if (prefix_contradicts(&rules[i - 1], &rules[i]))
			return server_options_refuse(options,
				"services[%zu].access: allows and denies %s", service,
				prefix_format(&rules[i].prefix, text));
	return 0;
}

/* NULL: there are no rules. */
static int make_table(const struct dgram_options *options, size_t service, enum access_table table,
	struct access **ret_table)
{
	const struct dgram_access lists = lists_of(&options->services[service], table);
	const size_t count = lists.allow_count + lists.deny_count, most = kinds[table].most;
	bool outside = table == ACCESS_ADMITS && lists.allow_count == 0;
	struct prefix_rule *rules;
	int error;

	if (count == 0)
		return 0;
	if (lists.allow_count > most || count > most)
		return server_options_refuse(options,
			"services[%zu].%s: has more than %zu prefixes", service, kinds[table].name,
			most);
	rules = calloc(count, sizeof(*rules));
	if (rules == NULL)
		return server_options_fail(options, -ENOMEM);
	error = make_rules(options, service, table, rules, count);
	if (error == 0 && access_new(rules, count, outside, ret_table) < 0)
		error = server_options_fail(options, -ENOMEM);
	free(rules);
	return error;
}

/* The tables of a service; the same lists make one. */
static int make_both(
	const struct dgram_options *options, size_t service, struct server_access *made)
{
	struct access **tables = made->of[service];
	size_t same = 0;
	int error = 0;

	while (options->services[same].access != options->services[service].access)
		same++;
	if (same == service)
		error = make_table(options, service, ACCESS_ADMITS, &tables[ACCESS_ADMITS]);
	else
		tables[ACCESS_ADMITS] = made->of[same][ACCESS_ADMITS];
	if (same < service && tables[ACCESS_ADMITS] != NULL)
		tables[ACCESS_ADMITS]->users++;
	if (error == 0)
		error = make_table(options, service, ACCESS_EXEMPTS, &tables[ACCESS_EXEMPTS]);
	return error;
}

int server_access_make(const struct dgram_options *options, struct server_access *ret_made)
{
	int error = 0;

	*ret_made = (struct server_access){ { { NULL } } };
	for (size_t i = 0; error == 0 && i < options->services_count; i++)
		error = make_both(options, i, ret_made);
	if (error < 0)
		server_access_free(ret_made);
	return error;
}

void server_access_put(struct dgram_server *server, const struct dgram_options *options,
	struct server_access *made)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		struct service *service = &server->services[i];
		const struct dgram_service *wanted = server_reconfigure_find(service, options);
		struct access **tables = made->of[wanted != NULL ? wanted - options->services : 0];

		for (unsigned table = 0; wanted != NULL && table < ACCESS_TABLES; table++)
			tables[table] = atomic_exchange(&service->access[table], tables[table]);
	}
	for (unsigned i = 0; i < server->sockets_count; i++)
		guard_settle(&server->listeners[i].receiver.guard);
	server_access_free(made);
}

void server_access_free(struct server_access *made)
{
	for (unsigned i = 0; i < DGRAM_SERVICES_MAX * ACCESS_TABLES; i++)
		access_free(made->of[i / ACCESS_TABLES][i % ACCESS_TABLES]);
}

size_t server_access_bytes(const struct dgram_server *server)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < server->services_count * ACCESS_TABLES; i++) {
		const struct service *service = &server->services[i / ACCESS_TABLES];
		const struct access *access = atomic_load(&service->access[i % ACCESS_TABLES]);

		if (access != NULL)
			bytes += access_bytes(access) / access->users + 1;
	}
	return bytes;
}
