/* How much may be sent to a network that may not have asked for it, because the sources of datagrams can be forged: for
 * a service and a network (an IPv4 /24, an IPv6 /48) at most what came from it, times the service's factor, and an
 * allowance.
 *
 * DESIGN: a table of fixed size, in which a keyed hash of the service and the network finds a place, a word:
 *
 *	allowance	what of it is used, as the time at which it will be full again
 *	credit, tag	what came from one network, times the factor, and was not used; and whose that is
 *
 * The allowance is the place's, and never begins anew. With a record for each network, who sends from many forged
 * sources would have that of a victim evicted, again and again, and the victim get a full allowance each time. So
 * networks whose places are the same share one allowance: who fills the table gets no more than anybody else, and
 * leaves others less, but never less than their factor, because what comes with a request counts at the moment of
 * its answer, and needs no place. The credit, what is left then, is for further replies. It is lost when another
 * network leaves its own in that place. Two networks are taken for one with a chance of 2^-28: what both may get is
 * bounded then by what came from both. */
#ifndef GUARD_CAP_H
#define GUARD_CAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* The reply of daytime to an empty request is 44 bytes longer at most, and its factor 1: 45 of these requests are answered
 * at once, and then 4 a second. */
#define CAP_ALLOWANCE_BYTES 2000
#define CAP_REFILL_BYTES_PER_S 200

/* More than this is not kept for later. */
#define CAP_CREDIT_MAX 0xfffff

/* How long a proof holds, if no other takes its place. */
#define CAP_PROOF_S 60

/* 65,536 places are 512 KiB: a second-level cache holds them. */
#define CAP_PLACES 65536u
#define CAP_PROOFS 4096u

struct cap {
	uint64_t keys[3]; /* random */
	_Atomic uint64_t accounts[CAP_PLACES];
	_Atomic uint64_t
		proofs[CAP_PROOFS]; /* half of the client's hash, and the tick of the end */
};

/* `bytes` are about to be sent to this address, and `credit` has come with its request: may they? If not, the credit is
 * left for later. The service by its number. Thread: any. */
bool cap_takes(
	struct cap *cap, unsigned service, const union addr *to, uint64_t credit, uint64_t bytes);

/* The service knows that this address is its client's: without a limit for CAP_PROOF_S. Thread: any. */
void cap_prove(struct cap *cap, unsigned service, const union addr *client);

#endif
