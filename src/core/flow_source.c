/* Whom a datagram is from. */
#include <string.h>

#include "core/flow.h"

static uint64_t word_of(const void *bytes, size_t count)
{
	uint64_t word = 0;

	memcpy(&word, bytes, count);
	return word;
}

static void set(struct flow_source *source, uint64_t a, uint64_t b, uint64_t c)
{
	source->words[0] = a;
	source->words[1] = b;
	source->words[2] = c;
}

static void of_v4(uint64_t v4, uint64_t port, struct flow_source *ret_source)
{
	set(ret_source, AF_INET | port << 16 | v4 << 32, 0, 0);
}

static void of_v6(const struct sockaddr_in6 *client, bool with_port, struct flow_source *ret_source)
{
	const uint8_t *bytes = client->sin6_addr.s6_addr;
	uint64_t port = with_port ? client->sin6_port : 0;
	bool whole = with_port || IN6_IS_ADDR_LINKLOCAL(&client->sin6_addr);

	if (IN6_IS_ADDR_V4MAPPED(&client->sin6_addr))
		of_v4(word_of(bytes + 12, 4), port, ret_source);
	else
		set(ret_source, AF_INET6 | port << 16 | (uint64_t)client->sin6_scope_id << 32,
			word_of(bytes, 8), whole ? word_of(bytes + 8, 8) : 0);
}

void flow_source_of(const union addr *client, bool with_port, struct flow_source *ret_source)
{
	if (client->sa.sa_family == AF_INET)
		of_v4(client->in.sin_addr.s_addr, with_port ? client->in.sin_port : 0, ret_source);
	else
		of_v6(&client->in6, with_port, ret_source);
}

static uint64_t half_products(const uint64_t keys[2], uint64_t word)
{
	return keys[0] * (uint32_t)word + keys[1] * (word >> 32);
}

/* Words that are 0 add nothing, and an IPv4 address has one that is not. The lowest 32 bits are of
 * no use: the product's bits depend on lower ones alone. */
uint32_t flow_hash(const struct flow_key *key, const struct flow_source *source)
{
	uint64_t sum = key->words[0] + half_products(&key->words[1], source->words[0]);

	if ((source->words[1] | source->words[2]) != 0)
		sum += half_products(&key->words[3], source->words[1]) +
		       half_products(&key->words[5], source->words[2]);
	return (uint32_t)(sum >> 32);
}
