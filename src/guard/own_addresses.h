/* Which addresses are this machine's: those that the kernel delivers to it, by its routes of type local
 * and anycast. An answer to such an address and one of our ports would come back to us.
 *
 * DESIGN: the owner's thread reads the kernel's list at the start, and again when notices say that it may have
 * changed, and swaps the new list in. A look-up makes no system call, because each forged datagram may ask
 * for one. While the list is not known, every address counts as ours: to drop a datagram is better than to
 * answer ourselves for ever. */
#ifndef GUARD_OWN_ADDRESSES_H
#define GUARD_OWN_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct own_addresses;

/* Nothing is known yet. Takes all its memory. -ENOMEM. */
int own_addresses_new(struct own_addresses **ret_own);

/* NULL is fine. */
void own_addresses_free(struct own_addresses *own);

/* Bytes of address space that one takes. */
size_t own_addresses_bytes(void);

/* Ask the kernel. 0: they are known; -errno: not, until a later call succeeds: -EOVERFLOW: there are more than
 * PREFIXES_MAX; -EINTR: they changed each time meanwhile; others, as socket(2) and recv(2). Thread: owner. */
int own_addresses_read(struct own_addresses *own);

/* Is this address, whatever its port, one of them? Thread: any. */
bool own_addresses_hold(struct own_addresses *own, const union addr *address);

#endif
