/* Files of access rules: each is refused with messages, or its rules say of each address what the longest prefix that
 * has it says, looked for one by one. */
/* parses: config/access base/prefix guard/access */
/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=reallocarray,--wrap=aligned_alloc */
#include "input.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "daemon/handlers.h"
#include "guard/access.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

#define RULES_MAX 64u

static unsigned allocations, first_failed; /* from which on all fail; 0: none */

static bool there_is_memory(void)
{
	allocations++;
	return first_failed == 0 || allocations < first_failed;
}

void *__wrap_malloc(size_t size)
{
	return there_is_memory() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return there_is_memory() ? __real_calloc(count, size) : NULL;
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return there_is_memory() ? __real_reallocarray(memory, count, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return there_is_memory() ? __real_aligned_alloc(alignment, size) : NULL;
}

static struct prefix_rule rules[RULES_MAX];
static unsigned count;
static bool outside;

static void add_rules(const char *const *texts, size_t texts_count, bool allow)
{
	struct prefix_error error;

	for (size_t i = 0; i < texts_count && count < RULES_MAX; i++) {
		must(prefix_parse(texts[i], &rules[count].prefix, &error) == 0);
		rules[count].number = count;
		rules[count++].allow = allow;
	}
}

/* What the longest prefix says. */
static bool is_admitted(struct prefix_address address, bool v6)
{
	bool admitted = outside;
	int longest = -1;

	for (unsigned i = 0; i < count; i++) {
		const struct prefix *prefix = &rules[i].prefix;

		if (prefix->v6 != v6 || prefix->bits <= longest ||
			prefix_address_compare(address, prefix->first) < 0 ||
			prefix_address_compare(address, prefix->last) > 0)
			continue;
		longest = prefix->bits;
		admitted = rules[i].allow;
	}
	return admitted;
}

static void check_address(const struct access *access, struct prefix_address address, bool v6)
{
	union addr source = { 0 };
	uint64_t words[2] = { htobe64(address.high), htobe64(address.low) };

	source.sa.sa_family = v6 ? AF_INET6 : AF_INET;
	if (v6 && prefix_address_is_v4(address))
		return;
	if (v6)
		memcpy(&source.in6.sin6_addr, words, sizeof(words));
	else
		source.in.sin_addr.s_addr = htonl((uint32_t)address.low);
	if (!v6)
		address.low = (uint32_t)address.low;
	must(access_admits(access, &source) == is_admitted(address, v6));
}

/* The first and the last of each prefix, and beside them. */
static void check_edges(const struct access *access)
{
	for (unsigned i = 0; i < count; i++)
		for (int step = -1; step <= 1; step++) {
			struct prefix_address first = rules[i].prefix.first,
					      last = rules[i].prefix.last;

			first.low += (uint64_t)step;
			last.low += (uint64_t)step;
			check_address(access, first, rules[i].prefix.v6);
			check_address(access, last, rules[i].prefix.v6);
		}
}

static void check_rules(const struct dgram_access *lists)
{
	struct access *access;
	char text[PREFIX_TEXT_MAX];
	struct prefix_error error;
	struct prefix again;

	count = 0;
	add_rules(lists->allow, lists->allow_count, true);
	add_rules(lists->deny, lists->deny_count, false);
	outside = lists->allow_count == 0;
	prefix_sort(rules, count);
	must(access_new(rules, count, outside, &access) == 0);
	must(access_bytes(access) > 0);
	check_edges(access);
	access_free(access);
	for (unsigned i = 0; i < count; i++) {
		must(prefix_parse(prefix_format(&rules[i].prefix, text), &again, &error) == 0);
		must(memcmp(&again.first, &rules[i].prefix.first, sizeof(again.first)) == 0);
	}
	first_failed = allocations + 1 + count % 3;
	if (access_new(rules, count, outside, &access) == 0)
		access_free(access);
	first_failed = 0;
}

static int load(const char *path)
{
	static struct handlers handlers;
	static bool known;
	char set[60];
	const char *const sets[] = { set, "access.allow=[\"192.0.2.0/24\", \"2001:db8::/32\"]",
		"access.deny=[\"192.0.2.128/25\"]" };
	struct config_source source = { NULL, sets, 3, &handlers.config };
	struct config *config = NULL;
	struct report report;
	int r;

	(void)snprintf(set, sizeof(set), "access.file=%s", path);
	must(known || handlers_init(&handlers, dgram_builtin_handlers()) == 0);
	known = true;
	report_init(&report);
	r = config_load(&source, &report, &config);
	if (r == 0 && first_failed == 0)
		check_rules(config_options(config)->services[0].access);
	must(r == 0 || r == -ENOMEM || report.count > 0);
	report_free(&report);
	config_free(config);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[40];
	unsigned needed;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	allocations = 0;
	(void)load(path);
	needed = allocations;
	allocations = 0;
	first_failed = 1 + (unsigned)(size * 7919 % needed);
	(void)load(path);
	first_failed = 0;
	close(fd);
	return 0;
}
