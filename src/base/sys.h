/* The one door to the kernel for what a datagram's journey needs: time, receive, send, wait, wake.
 * The product links sys_linux.c behind it; a simulator can link another file. Errors are negative
 * errno values. Thread: any. */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Nanoseconds of CLOCK_MONOTONIC and of CLOCK_REALTIME. Also async-signal-safe. */
int64_t sys_monotonic_ns(void);
int64_t sys_realtime_ns(void);

/* recvmmsg(2), which gives the true length of a truncated message, and sendmmsg(2); never
 * waiting: the number of messages done, or -errno (-EAGAIN when there are none). Interrupted calls
 * are repeated. */
int sys_receive(int fd, struct mmsghdr *messages, unsigned count);
int sys_send(int fd, struct mmsghdr *messages, unsigned count);

/* Have the kernel say when each datagram arrived (SO_TIMESTAMPNS), or no more. Those that wait are said to
 * have arrived when they are received. */
int sys_timestamp(int fd, bool on);

/* poll(2): the number of ready descriptors, 0 after `timeout_ms` (-1: none) or a signal. */
int sys_wait(struct pollfd *fds, unsigned count, int timeout_ms);

/* Wait while *word is `expected`, at most `timeout_ns` (-1: for ever); may return early. */
void sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);
void sys_futex_wake(_Atomic uint32_t *word, unsigned count);

/* Let other threads run first, if any can: sched_yield(2). */
void sys_yield(void);

/* Fill with bytes that nobody can guess. */
void sys_random(void *bytes, size_t length);

#endif
