/* The model: a second, simple-minded queue beside each of the product's, which watches what goes in
 * and out of that and knows what may. It searches where the product has lists; what the product may
 * decide as it likes it takes from the product. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/queue.h"

#define MODEL_HEADS 256u

struct letter;

struct model_network {
	unsigned char key[20];
	int64_t served_ns; /* one by one */
	unsigned window;
};

struct model_flow {
	unsigned char key[24];
	uint32_t network;
	uint32_t next; /* of its hash head */
	uint32_t oldest, newest;
	unsigned waiting, running;
	uint64_t ran; /* the sequence of its last that ran */
	int64_t served_ns;
	unsigned window;
	bool aside; /* it may have been put aside, for one that is gone */
	bool over;  /* its latest used up what its source may ask for */

	const struct flow *record; /* the product's, while any of its letters is in it */
	unsigned sorted;	   /* so many */
	int64_t ahead_ns;	   /* that the product has charged, and the model has not yet */
};

/* A request that children died of, each alone. */
struct suspect {
	union addr client;
	uint32_t length;
	unsigned char data[64];
	unsigned deaths;
	int64_t since_ns; /* of the last one */
};

struct model {
	struct queue *queue;
	unsigned service;
	struct queue_limits limits;
	struct queue_settings settings;
	int64_t least_interval_ns; /* of all that they were */
	int64_t latest_ns;	   /* that a worker took one by one at */
	uint32_t oldest, newest;   /* letters that wait */
	unsigned count;
	unsigned ready; /* flows with a letter that may be taken */
	unsigned active_workers;
	uint64_t sequence;
	int64_t since_ns; /* since when it was not empty */
	int64_t window_ns;
	unsigned window;
	unsigned turns; /* of those that were taken one by one, fair */
	int64_t slowest_ns;
	int64_t worked_ns;	   /* when a worker of the pool last had some of it */
	int64_t latest_service_ns; /* of the job that was finished last */
	int64_t waited_ns;	   /* since one was taken, while a worker slept that might have */
	bool waits;		   /* so it is now */
	struct ledger books;
	uint64_t queued_max;

	struct model_flow *flows;
	uint32_t flows_count, flows_room;
	struct model_network *networks;
	uint32_t networks_count;
	uint32_t heads[MODEL_HEADS];

	struct suspect *suspects;
	unsigned suspects_count;
};

void model_init(struct model *model, unsigned service, struct queue *queue,
	const struct queue_limits *limits, const struct queue_settings *settings);
void model_free(struct model *model);

/* model.c: letters that wait, and their flows. */
uint32_t model_flow_of(struct model *model, const struct letter *letter);
bool model_is_ready(const struct model *model, const struct model_flow *flow);
int64_t model_served(const struct model *model, const struct model_flow *flow);
void model_charge(const struct model *model, struct model_flow *flow, int64_t ns);
int64_t model_network_served(const struct model *model, const struct model_flow *flow);
void model_network_charge(const struct model *model, const struct model_flow *flow, int64_t ns);
void model_add(struct model *model, uint32_t letter);
void model_remove(struct model *model, uint32_t letter, bool to_run);
void model_finish(struct model *model, uint32_t letter);

/* model_rules.c: may the flow have been put aside, as aged? */
bool model_may_be_aside(const struct model *model, const struct model_flow *flow);

/* May the queue take this one next, out of its flow or, unsorted, with all that wait? */
void model_must_be_next(struct model *model, uint32_t letter, bool sorted, int64_t now_ns);

/* May the queue drop this one to make room? */
bool model_is_victim(const struct model *model, uint32_t letter, int64_t now_ns);

/* The handler begins. */
void model_begins(uint32_t letter);

#endif
