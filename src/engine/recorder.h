/* The flight recorder of a worker: its last requests, and the one that its handler runs on now.
 *
 * DESIGN: the worker alone writes, without a lock, and any thread reads. A record is written whole before `count`
 * counts it. There are twice as many slots as a reader is shown, so what it copies is whole unless the worker went
 * round half of them meanwhile; the count tells, and the reader looks again. Each word is stored with release: who
 * sees one of a newer record also sees the count from before it. */
#ifndef ENGINE_RECORDER_H
#define ENGINE_RECORDER_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/datagram.h"

#define RECORDER_REQUESTS 16u
#define RECORDER_SLOTS 32u

/* 64 bytes. */
struct recorder_slot {
	_Atomic uint64_t client; /* addr_word() */
	_Atomic uint64_t v6[2];	 /* of an IPv6 one, the address, and */
	_Atomic uint32_t scope;
	_Atomic uint32_t bytes;
	_Atomic int64_t arrived_ns;
	_Atomic int64_t begin_ns;
	_Atomic int64_t service_ns;
	_Atomic int32_t result;
	_Atomic uint32_t service;
};

struct recorder {
	_Atomic pid_t thread; /* that the worker runs in; 0: none has */
	_Atomic uint64_t count;
	/* Of its batch; NULL: it is in none. For that thread alone, which may read from there whom it serves. */
	const struct datagram *const *_Atomic running;
	_Atomic uint32_t service;
	struct recorder_slot slots[RECORDER_SLOTS];
};

/* A request that the handler ran on. */
struct recorded {
	union addr client;
	uint32_t bytes;
	unsigned service;
	int64_t wait_ns; /* from its arrival */
	int64_t begin_ns;
	int64_t service_ns;
	int32_t result; /* as handle() has it, or the length of a reply that left before */
};

/* Copy the last ones, the oldest first; returns how many. Async-signal-safe. Thread: any. */
unsigned recorder_read(
	const struct recorder *recorder, struct recorded ret_recorded[static RECORDER_REQUESTS]);

#endif
