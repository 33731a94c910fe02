/* The wire: the sockets of crowds, and their requests and answers in batches. One thread. */
#ifndef OVERLOAD_WIRE_H
#define OVERLOAD_WIRE_H

#include "bench/overload/crowd.h"

#define WIRE_CROWDS_MAX 4

struct wire;

/* Of requests to 127.0.0.1 at this port. -errno. */
int wire_new(uint16_t port, struct wire **ret_wire);

/* Open its sockets: one for each client, or one that they share. At most
 * WIRE_CROWDS_MAX; the crowd stays the caller's. -errno. */
int wire_add(struct wire *wire, struct crowd *crowd);

/* Send what is due, at most a batch. True: there may be more. */
bool wire_send(struct wire *wire, struct crowd *crowd);

/* Wait for answers for at most so long, and take them. */
void wire_receive(struct wire *wire, int64_t wait_ns);

/* Begins the time that all crowds go by. */
void wire_begin(struct wire *wire);
int64_t wire_now_ns(const struct wire *wire);

#endif
