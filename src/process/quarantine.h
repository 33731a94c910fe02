/* Requests that children died of: after two deaths by the same bytes from the same source, such requests are refused
 * for a minute. A fixed table, of which the oldest entry goes first. Thread: any. */
#ifndef PROCESS_QUARANTINE_H
#define PROCESS_QUARANTINE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/lock.h"
#include "core/datagram.h"

#define QUARANTINE_ENTRIES 64u

struct quarantine {
	uint64_t key;
	_Atomic int64_t until_ns; /* none is refused any more */
	struct lock lock;
	/* under the lock */
	unsigned next;
	struct quarantine_entry {
		uint64_t hash;
		int64_t since_ns; /* of its last death; 0: none */
		unsigned deaths;
	} entries[QUARANTINE_ENTRIES];
};

void quarantine_init(struct quarantine *quarantine);
void quarantine_destroy(struct quarantine *quarantine);

/* Of the bytes and the source, without its port; nobody can choose it. */
uint64_t quarantine_hash(const struct quarantine *quarantine, const struct datagram *request);

/* A child died of it. Returns whether it is refused from now on. */
bool quarantine_note(struct quarantine *quarantine, uint64_t hash, int64_t now_ns);

bool quarantine_refuses(
	struct quarantine *quarantine, const struct datagram *request, int64_t now_ns);

#endif
