#include "process/quarantine.h"

#include <string.h>

#include "base/clock.h"
#include "base/sys.h"

#define DEATHS 2
#define REFUSED_NS (60 * NS_PER_S)

void quarantine_init(struct quarantine *quarantine)
{
	memset(quarantine, 0, sizeof(*quarantine));
	lock_init(&quarantine->lock);
	sys_random(&quarantine->key, sizeof(quarantine->key));
	quarantine->key |= 1;
}

void quarantine_destroy(struct quarantine *quarantine)
{
	lock_destroy(&quarantine->lock);
}

/* By the finalizer of MurmurHash3. */
static uint64_t stir(uint64_t hash, uint64_t word, uint64_t key)
{
	hash = (hash ^ word) * key;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
	return hash ^ hash >> 33;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length, uint64_t key)
{
	const char *at = bytes;

	hash = stir(hash, length, key);
	while (length > 0) {
		size_t part = length < sizeof(uint64_t) ? length : sizeof(uint64_t);
		uint64_t word = 0;

		memcpy(&word, at, part);
		hash = stir(hash, word, key);
		at += part;
		length -= part;
	}
	return hash;
}

uint64_t quarantine_hash(const struct quarantine *quarantine, const struct datagram *request)
{
	const union addr *client = &request->client;
	const bool v6 = client->sa.sa_family == AF_INET6;
	const void *host = v6 ? (const void *)&client->in6.sin6_addr
			      : (const void *)&client->in.sin_addr;
	uint64_t key = quarantine->key;
	uint64_t hash = hash_bytes(
		key, host, v6 ? sizeof(client->in6.sin6_addr) : sizeof(client->in.sin_addr), key);

	return hash_bytes(hash, request->data, request->length, key);
}

static struct quarantine_entry *find_entry(
	struct quarantine *quarantine, uint64_t hash, int64_t now_ns)
{
	for (unsigned i = 0; i < QUARANTINE_ENTRIES; i++) {
		struct quarantine_entry *entry = &quarantine->entries[i];

		if (entry->hash == hash && entry->since_ns > 0 &&
			now_ns - entry->since_ns < REFUSED_NS)
			return entry;
	}
	return NULL;
}

bool quarantine_note(struct quarantine *quarantine, uint64_t hash, int64_t now_ns)
{
	struct quarantine_entry *entry;
	bool refused;

	lock_take(&quarantine->lock);
	entry = find_entry(quarantine, hash, now_ns);
	if (entry == NULL) {
		entry = &quarantine->entries[quarantine->next++ % QUARANTINE_ENTRIES];
		*entry = (struct quarantine_entry){ .hash = hash };
	}
	entry->since_ns = now_ns;
	refused = ++entry->deaths >= DEATHS;
	if (refused)
		atomic_store(&quarantine->until_ns, now_ns + REFUSED_NS);
	lock_release(&quarantine->lock);
	return refused;
}

bool quarantine_refuses(
	struct quarantine *quarantine, const struct datagram *request, int64_t now_ns)
{
	const struct quarantine_entry *entry;
	uint64_t hash;
	bool refused;

	if (atomic_load_explicit(&quarantine->until_ns, memory_order_relaxed) <= now_ns)
		return false;
	hash = quarantine_hash(quarantine, request);
	lock_take(&quarantine->lock);
	entry = find_entry(quarantine, hash, now_ns);
	refused = entry != NULL && entry->deaths >= DEATHS;
	lock_release(&quarantine->lock);
	return refused;
}
