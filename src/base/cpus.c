#include "base/cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

/* A number at *text, which is moved behind it. */
static bool take_number(const char **text, unsigned *ret_number)
{
	unsigned number = 0;
	const char *at = *text;

	for (; *at >= '0' && *at <= '9' && number < CPUS_MAX; at++)
		number = number * 10 + (unsigned)(*at - '0');
	if (at == *text || number >= CPUS_MAX)
		return false;
	*text = at;
	*ret_number = number;
	return true;
}

/* A number, or two that are a range. */
static bool take_range(const char **text, struct cpus *cpus)
{
	unsigned first, last;

	if (!take_number(text, &first))
		return false;
	last = first;
	if (**text == '-') {
		++*text;
		if (!take_number(text, &last))
			return false;
	}
	for (; first <= last && cpus->count < CPUS_MAX; first++)
		cpus->list[cpus->count++] = (uint16_t)first;
	return first > last;
}

int cpus_parse(const char *text, struct cpus *ret_cpus)
{
	struct cpus cpus = { 0 };

	while (*text != '\0') {
		unsigned before = cpus.count;

		if (!take_range(&text, &cpus) || cpus.count == before)
			return -EINVAL;
		if (*text == ',' && text[1] != '\0')
			text++;
		else if (*text != '\0')
			return -EINVAL;
	}
	*ret_cpus = cpus;
	return 0;
}

int cpus_pin(const struct cpus *cpus, unsigned number, pthread_t thread)
{
	cpu_set_t set;

	if (cpus->count == 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpus->list[number % cpus->count], &set);
	return -pthread_setaffinity_np(thread, sizeof(set), &set);
}
