/* When the datagrams of a socket arrived, as its receiver knows it.
 *
 * The kernel's timestamps (SO_TIMESTAMPNS) tell, but they cost 120 to 137 ns a datagram, 4 to 5 % of an echo.
 * Without them there is a bound: datagrams are received in the order of their arrival, so the next one arrived
 * after the one before it, and after the socket was last seen empty. The middle of that bound stands in. A
 * receiver that slept in poll(2) was woken by an arrival, so that is the bound then.
 *
 *	timestamps	from						a datagram arrived
 *	on		the opening of the socket; not seen empty	as its timestamp says
 *			for longer than the error allowed; slept for
 *			as long
 *	on, in doubt	that moment, until the socket is empty or	the middle of the bound up to that moment:
 *			one is received that arrived later		the kernel made up their timestamps
 *	off		seen empty often enough, ARRIVALS_CALM times	the middle of the bound
 *			the error allowed
 *
 * A thread that does not run for a time knows no more than that bound about what arrived meanwhile. Thread: the
 * receiver's. */
#ifndef ENGINE_ARRIVALS_H
#define ENGINE_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The error allowed is max_wait_ms by this, and timestamps go after max_wait_ms of calm: switching them costs a
 * system call, and where no other socket has them the kernel patches its code, so it is to be rare. */
#define ARRIVALS_CALM 20

/* Zeroed, then arrivals_read(): as of a socket that was opened with timestamps. A timestamp from trusted_ns to
 * latest_ns tells the age: realtime_ns less the timestamp. A missing one (0), one from the future or of a wall
 * clock that was set since tells nothing. */
struct arrivals {
	int64_t monotonic_ns; /* the clocks, read when the last batch was received */
	int64_t realtime_ns;
	int64_t trusted_ns;
	int64_t latest_ns;
	int64_t set_ns; /* trusted_ns of the next batch: earlier ones are from before the clock was last set */

	int64_t floor_ns;	 /* what is received from now on arrived no earlier */
	int64_t unknown_ns;	 /* stands in where the time of arrival is not known */
	struct timespec unknown; /* the same, CLOCK_REALTIME */

	int64_t looked_ns;     /* at the socket, for the last time; */
	int64_t empty_ns;      /* and when it was empty for the last time */
	int64_t unseen_ns;     /* how long it had not been seen empty at the last look */
	int64_t calm_since_ns; /* since then it was seen empty often enough */
	bool off;	       /* no timestamps */
	int64_t in_doubt_ns;   /* when they were switched on; 0: a later datagram was received */
};

/* Before a reception. */
void arrivals_prepare(struct arrivals *arrivals);

/* A batch was received; `emptied`: the socket was empty then. */
void arrivals_read(struct arrivals *arrivals, bool emptied);

/* There was nothing to receive. */
void arrivals_found_none(struct arrivals *arrivals);

/* poll(2) began at `begin_ns` and has ended now, with something to receive or (`none`) without. */
void arrivals_waited(struct arrivals *arrivals, int64_t begin_ns, bool none);

/* Are timestamps needed, as of the last look, so that no error exceeds `error_ns`? */
bool arrivals_need_timestamps(struct arrivals *arrivals, int64_t error_ns);

/* Switch those of socket `fd`. */
void arrivals_switch(struct arrivals *arrivals, int fd, bool on);

#endif
