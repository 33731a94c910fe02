/* An endpoint, as the files of this room share it. */
#ifndef ADMIN_ENDPOINT_H
#define ADMIN_ENDPOINT_H

#include "admin/admin.h"
#include "admin/answer.h"
#include "admin/history.h"
#include "admin/library.h"
#include "admin/listener.h"
#include "admin/question.h"
#include "base/link.h"
#include "base/lock.h"

#define ENDPOINT_LISTENERS 2

struct admin {
	const struct library *library;
	struct dgram_server *server;
	time_t started;
	int64_t started_ns; /* CLOCK_MONOTONIC */
	struct questions questions;
	struct history *history;
	struct admin_listener listeners[ENDPOINT_LISTENERS];
	struct MHD_Daemon *daemons[ENDPOINT_LISTENERS]; /* NULL: it does not run */
	int quiesced[ENDPOINT_LISTENERS];		/* their descriptors; 0 or -1: none */
	struct lock lock;
	struct admin_state state; /* under the lock, as is the rest */
	struct link connections;  /* the open ones */
	bool lingers;
};

/* What the owner said last. Thread: any. */
struct admin_state admin_read(struct admin *admin);

#endif
