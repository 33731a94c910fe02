/* A service as the stations share it. All but the atomic field stays as it is while threads run. */
#ifndef PIPELINE_SERVICE_H
#define PIPELINE_SERVICE_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/queue.h"
#include "pipeline/handler.h"

struct service {
	char *name;
	struct handler handler;
	struct queue *queue;
	_Atomic unsigned min_source_port;
};

#endif
