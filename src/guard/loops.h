/* Against loops: two servers that answer each other's answers for ever, after one forged datagram. What such a loop
 * turns is repeated: a request is a repeat if it has the bytes of a reply that was sent to its source within the last
 * second, or of a request from there that was answered. A client may repeat itself, too, so repeats are dropped at
 * random, and the more of them a source sends, the more: a loop is fed by what is under way, and dies of it.
 *
 * DESIGN: a request is known by its fingerprint, a keyed hash of address, port, length and first 64 bytes. One table
 * of a server holds fingerprints with their times; the newest has the place. Another counts repeats in this second, by
 * a keyed hash of the source; sources in one place count together, so nobody can be forgotten by others' numbers.
 * There is no lock: what two threads write at the same moment may count once. The time is that of the latest
 * reception, which is recent where there is much to count. Two servers each of whose answers is new are not found. */
#ifndef GUARD_LOOPS_H
#define GUARD_LOOPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dice.h"
#include "core/datagram.h"

/* 10,000 datagrams that loop, and as many replies a second to others, mostly leave each other alone. */
#define LOOPS_FINGERPRINTS 65536u
#define LOOPS_SOURCES 4096u

struct loops {
	struct {
		uint64_t factor, begin, source_factor;
	} keys;			 /* random */
	_Atomic uint32_t now_ms; /* when something was received last */

	_Atomic uint64_t fingerprints[LOOPS_FINGERPRINTS]; /* and, below them, their times in ms */
	_Atomic uint64_t
		repeats[LOOPS_SOURCES]; /* the second, and below it, how many there were in it */
};

/* These were received now: write their fingerprints into them. Returns whether one of them may be a repeat. Thread:
 * any that receives. */
bool loops_look(
	struct loops *loops, struct datagram *const *received, unsigned count, int64_t now_ns);

/* One of these: is it a repeat that must be dropped? Asked once for each. */
bool loops_must_drop(struct loops *loops, struct dice *dice, const struct datagram *datagram);

/* This leaves, because of the request. Thread: any. */
void loops_note(struct loops *loops, const struct datagram *request, const union addr *to,
	const void *data, size_t length);

#endif
