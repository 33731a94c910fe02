/* Whom a datagram is from. */
#include <string.h>

#include "queue/flow.h"

static uint64_t word_of(const void *bytes, size_t count)
{
	uint64_t word = 0;

	memcpy(&word, bytes, count);
	return word;
}

static uint64_t half_products(const uint64_t keys[2], uint64_t word)
{
	return keys[0] * (uint32_t)word + keys[1] * (word >> 32);
}

/* Words that are 0 add nothing, and an IPv4 address has one that is not. The lowest 32 bits are of
 * no use: the product's bits depend on lower ones alone. */
static uint32_t note_v4(
	const struct flow_key *key, uint64_t v4, uint64_t port, struct flow_source *ret_source)
{
	uint64_t word = AF_INET | port << 16 | v4 << 32;

	*ret_source = (struct flow_source){ .words = { word } };
	return (uint32_t)((key->words[0] + half_products(&key->words[1], word)) >> 32);
}

static uint32_t note_v6(const struct flow_key *key, const struct sockaddr_in6 *client,
	bool with_port, struct flow_source *ret_source)
{
	const uint8_t *bytes = client->sin6_addr.s6_addr;
	uint64_t port = with_port ? client->sin6_port : 0;
	bool whole = with_port || IN6_IS_ADDR_LINKLOCAL(&client->sin6_addr);
	uint64_t sum = key->words[0];

	if (IN6_IS_ADDR_V4MAPPED(&client->sin6_addr))
		return note_v4(key, word_of(bytes + 12, 4), port, ret_source);
	*ret_source = (struct flow_source){ .words = {
						    AF_INET6 | port << 16 |
							    (uint64_t)client->sin6_scope_id << 32,
						    word_of(bytes, 8),
						    whole ? word_of(bytes + 8, 8) : 0,
					    } };
	for (unsigned i = 0; i < 3; i++)
		sum += half_products(&key->words[1 + 2 * i], ret_source->words[i]);
	return (uint32_t)(sum >> 32);
}

void flow_note_sources(
	const struct flow_key *key, const struct datagram_list *batch, bool with_port)
{
	for (struct datagram *d = batch->first; d != NULL; d = d->next) {
		const union addr *client = &d->client;

		if (client->sa.sa_family == AF_INET)
			d->source_hash = note_v4(key, client->in.sin_addr.s_addr,
				with_port ? client->in.sin_port : 0, &d->source);
		else
			d->source_hash = note_v6(key, &client->in6, with_port, &d->source);
	}
}
