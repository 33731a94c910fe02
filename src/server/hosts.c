/* What the services listen on, all together. */
#include <errno.h>
#include <stdlib.h>

#include "server/server.h"

/* A host of a service. */
struct place {
	const struct dgram_options *options;
	size_t service, host;
};

static const char *text_of(const struct place *place)
{
	const struct dgram_service *service = &place->options->services[place->service];

	return service->hosts_count > 0 ? service->hosts[place->host] : DEFAULT_HOST;
}

/* The same as of the file, which has more to say of what looks like an address. */
static int refuse_host(const struct place *place, enum endpoint_verdict verdict)
{
	return server_options_refuse(place->options, "services[%zu].hosts[%zu]: %s", place->service,
		place->host, endpoint_explain(verdict));
}

/* `rival`, which comes before it, excludes it; `same`: it is the same address. */
static int refuse_rival(const struct place *place, const struct place *rival, bool same)
{
	if (place->service == rival->service)
		return server_options_refuse(place->options, "services[%zu].hosts[%zu]: %s%s%s%s",
			place->service, place->host, same ? "" : text_of(rival),
			same ? "" : " and ", text_of(place),
			same ? " is given twice" : " exclude each other");
	return server_options_refuse(place->options,
		"services[%zu].hosts[%zu]: services[%zu] listens on %s port %u already%s%s",
		place->service, place->host, rival->service, text_of(rival),
		place->options->services[place->service].port, same ? "" : ", which excludes ",
		same ? "" : text_of(place));
}

static struct place place_of(const struct dgram_options *options, size_t number)
{
	struct place place = { .options = options };

	while (number >= server_hosts(&options->services[place.service]))
		number -= server_hosts(&options->services[place.service++]);
	place.host = number;
	return place;
}

static int check_places(
	const struct dgram_options *options, struct endpoint *endpoints, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct place place = place_of(options, i), rival;
		enum endpoint_verdict verdict;
		size_t before;

		if (text_of(&place) == NULL)
			return refuse_host(&place, ENDPOINT_NO_ADDRESS);
		verdict = server_endpoint(
			&options->services[place.service], place.host, &endpoints[i]);
		if (verdict != ENDPOINT_POSSIBLE)
			return refuse_host(&place, verdict);
		before = endpoint_find_rival(endpoints, i);
		rival = place_of(options, before);
		if (before < i)
			return refuse_rival(&place, &rival,
				addr_same_host(&endpoints[i].addr, &endpoints[before].addr));
	}
	return 0;
}

int server_hosts_check(const struct dgram_options *options)
{
	struct endpoint *endpoints;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < options->services_count; i++)
		count += server_hosts(&options->services[i]);
	if (count == 0)
		return 0;
	endpoints = calloc(count, sizeof(*endpoints));
	if (endpoints == NULL)
		return server_options_fail(options, -ENOMEM);
	error = check_places(options, endpoints, count);
	free(endpoints);
	return error;
}
