/* The slab: all slots that datagrams ever use, taken from the system at the start. Free slots are
 * handed out last in, first out, so few are ever touched, and an untouched one costs no resident
 * memory. Thread: any. */
#ifndef CORE_SLAB_H
#define CORE_SLAB_H

#include <stddef.h>

#include "core/datagram.h"

struct slab;

/* A slab of slots for datagrams of at most `data_bytes`. -ENOMEM. */
int slab_new(unsigned slots, size_t data_bytes, struct slab **ret_slab);

/* All slots must have been given back. NULL is fine. */
void slab_free(struct slab *slab);

/* Add slots. -ENOMEM: nothing changed. */
int slab_grow(struct slab *slab, unsigned slots);

/* Take `count` free slots. There must be that many. */
void slab_take(struct slab *slab, unsigned count, struct datagram *ret_slots[]);

/* Take back all of `from`, in any order; it is empty afterwards. */
void slab_give(struct slab *slab, struct datagram_list *from);

/* The longest datagram that a slot holds. */
size_t slab_data_bytes(const struct slab *slab);

/* Bytes of address space; the resident memory grows up to it as slots are touched. */
size_t slab_bytes(struct slab *slab);

#endif
