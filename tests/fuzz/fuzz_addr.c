/* Addresses, endpoints, and what else a text names: what is read is printed so that it reads back the same. */
/* parses: base/addr base/endpoint base/prefix base/cpus base/target load/address load/id load/question */
#include "input.h"

#include <stdio.h>

#include "base/cpus.h"
#include "base/endpoint.h"
#include "base/prefix.h"
#include "base/target.h"
#include "load/address.h"
#include "load/id.h"
#include "load/question.h"

/* "192.0.2.1:5" and "[fe80::1%eth0]:5" without their ports. */
static void strip_port(char text[static ADDR_TEXT_MAX], char host[static ADDR_TEXT_MAX])
{
	char *end = strrchr(text, ':');
	const char *begin = text;

	must(end != NULL);
	if (*text == '[') {
		begin++;
		end--;
	}
	*end = '\0';
	(void)snprintf(host, ADDR_TEXT_MAX, "%s", begin);
}

static void check_addr(const char *text, uint16_t port)
{
	char printed[ADDR_TEXT_MAX], host[ADDR_TEXT_MAX];
	union addr addr, again;
	const char *name;

	if (addr_parse_named(text, port, &addr, &name) == 0)
		must(addr_port(&addr) == port && (name == NULL || strstr(text, name) != NULL));
	if (addr_parse(text, port, &addr) < 0)
		return;
	strip_port((char *)(uintptr_t)addr_format(&addr, printed), host);
	must(addr_parse(host, port, &again) == 0);
	must(addr_same(&addr, &again) && addr_same_port(&addr, &again));
	must(addr_excludes(&addr, &again));
	must(addr_is_wildcard(&addr) + addr_is_loopback(&addr) + addr_is_multicast(&addr) <= 1);
}

static void check_endpoint(const char *text, uint16_t port)
{
	struct endpoint endpoints[2];
	enum endpoint_verdict verdict = endpoint_parse(text, port, &endpoints[0]);
	char printed[ADDR_TEXT_MAX], host[ADDR_TEXT_MAX];
	union addr addr;

	must(strlen(endpoint_explain(verdict)) > 0);
	if (verdict != ENDPOINT_POSSIBLE)
		return;
	strip_port((char *)(uintptr_t)endpoint_format(&endpoints[0], printed), host);
	must(endpoint_parse(host, port, &endpoints[1]) == ENDPOINT_POSSIBLE);
	if (strcmp(endpoints[0].interface, endpoints[1].interface) != 0) {
		must(endpoints[0].interface[0] == '\0'); /* a number, which has a name here */
		return;
	}
	must(addr_same_host(&endpoints[0].addr, &endpoints[1].addr));
	must(endpoint_find_rival(endpoints, 1) == (port != 0 ? 0 : 1));
	if (endpoint_resolve(&endpoints[0], &addr) == 0 &&
		endpoint_follows_interface(&endpoints[0]))
		must(addr.in6.sin6_scope_id != 0);
}

static void check_prefix(const char *text)
{
	struct prefix_error error = { .message = "" };
	char printed[PREFIX_TEXT_MAX];
	struct prefix prefix, again;

	if (prefix_parse(text, &prefix, &error) < 0) {
		must(error.message[0] != '\0' && error.offset + error.length <= strlen(text));
		return;
	}
	must(prefix_parse(prefix_format(&prefix, printed), &again, &error) == 0);
	must(prefix_address_compare(prefix.first, again.first) == 0);
	must(prefix_address_compare(prefix.last, again.last) == 0);
	must(prefix.bits == again.bits && prefix.v6 == again.v6);
}

static void check_load_addresses(const char *text)
{
	struct load_sources sources;
	union addr addr, last;

	if (load_address_parse_server(text, &addr) == 0)
		must(addr_port(&addr) != 0);
	if (load_address_parse_sources(text, &sources) < 0)
		return;
	must(sources.count > 0 && sources.count <= LOAD_SOURCES_MAX);
	load_address_get_source(&sources, sources.count, &addr);
	must(addr_same(&addr, &sources.first));
	load_address_get_source(&sources, sources.count - 1, &last);
	must(sources.count == 1 || !addr_same_host(&last, &sources.first));
}

static void check_load_words(const char *text)
{
	struct load_question question;
	struct load_id id;
	uint8_t request[LOAD_ID_BYTES_MAX] = { 0 };
	uint64_t value;

	if (load_id_parse(text, &id) == 0) {
		must(id.bytes > 0 && id.bytes <= LOAD_ID_BYTES_MAX && load_id_count(&id) > 1);
		id.offset = id.answer_offset = 0;
		load_id_write(&id, 0xa5, request);
		must(load_id_read(&id, request, sizeof(request), &value) && value == 0xa5);
		must(!load_id_read(&id, request, id.bytes - 1, &value));
	}
	if (load_question_dns(text, &question) == 0)
		must(question.length <= sizeof(question.bytes) && question.length > 12);
}

static void check_words(const char *text)
{
	char message[100] = "", path[PATH_MAX];
	struct cpus cpus;

	if (cpus_parse(text, &cpus) == 0)
		must(cpus.count <= CPUS_MAX && (cpus.count > 0 || *text == '\0'));
	if (!target_is_valid(text, message, sizeof(message)))
		must(message[0] != '\0');
	else if (target_expand(text, "rx0", path) == 0)
		must(strstr(text, TARGET_WORKER) != NULL || strcmp(path, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint16_t port = input_byte(&input) & 1 ? 20000 : 0;
	char *text;

	while ((text = input_line(&input)) != NULL) {
		check_addr(text, port);
		check_endpoint(text, port);
		check_prefix(text);
		check_load_addresses(text);
		check_load_words(text);
		check_words(text);
		free(text);
	}
	return 0;
}
