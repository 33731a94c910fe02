/* An open connection: how long it may take. The time-out of libmicrohttpd is one of silence, so a client that drips would
 * hold one of 64 for hours. */
#ifndef ADMIN_CONNECTION_H
#define ADMIN_CONNECTION_H

#include <stdint.h>

#include "admin/endpoint.h"

/* A connection's request must be there within this time, and its answer taken within this. */
#define CONNECTION_REQUEST_S 10
#define CONNECTION_ANSWER_S 60

struct connection;

/* It begins now. NULL: there is no memory, and it is shut. Thread: dgram/http. */
struct connection *connection_begin(struct admin *admin, int fd);

/* The request is there, and the owner takes its time. NULL is fine. Thread: the same. */
void connection_wait(struct admin *admin, struct connection *connection);

/* The answer is there. The same. */
void connection_answer(struct admin *admin, struct connection *connection);

/* Its descriptor will be closed. The same. */
void connection_end(struct admin *admin, struct connection *connection);

/* Shut those that took too long. Thread: owner. */
void connection_shut_late(struct admin *admin, int64_t now_ns);

#endif
