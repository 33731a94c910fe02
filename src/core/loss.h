/* An example of the datagrams that are lost for one reason, for the log: whose, how old, why. A thread that loses one
 * leaves it here if the owner wants another; their number is the ledger's. Zeroed: one is wanted. */
#ifndef CORE_LOSS_H
#define CORE_LOSS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/datagram.h"

struct loss_example {
	union addr client;
	uint32_t bytes;
	int error; /* a positive errno value; 0: none */
};

enum loss_state { LOSS_WANTED, LOSS_WRITING, LOSS_THERE };

struct loss {
	_Atomic int64_t longest_wait_ns;
	_Atomic int state;
	struct loss_example example; /* its writer's, then the owner's */
};

/* This datagram is lost, after a wait of so long. Thread: any. */
void loss_note(struct loss *loss, const struct datagram *datagram, int64_t waited_ns, int error);

/* Take the example, if there is one, and the longest wait of those noted since the last call. Thread: owner. */
bool loss_take(struct loss *loss, struct loss_example *ret_example, int64_t *ret_longest_wait_ns);

#endif
