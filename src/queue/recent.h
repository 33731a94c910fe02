/* The datagrams that came last and still wait, of which one can be drawn at random: a ring by the time that they
 * came, with holes. Everything is O(1). */
#ifndef QUEUE_RECENT_H
#define QUEUE_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/datagram.h"

struct recent {
	struct datagram **ring;
	uint32_t mask;
	uint32_t first, end; /* what came before the first is not drawn any more */
	uint64_t random;
};

/* The last `count` at least are remembered. -ENOMEM. */
int recent_init(struct recent *recent, unsigned count);
void recent_free(struct recent *recent);

/* Bytes of address space besides the struct. */
size_t recent_bytes(unsigned count);

/* It waits from now on, the newest. */
void recent_add(struct recent *recent, struct datagram *datagram);

/* It waits no more, and may never have been added. */
void recent_remove(struct recent *recent, const struct datagram *datagram);

/* One of those that arrived no earlier than this, each as likely; NULL: none was found in a few tries. */
struct datagram *recent_draw(struct recent *recent, int64_t since_ns);

#endif
