/* What a run is like: drawn from its seed, or written down (curves.c). */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include <dgram.h>

#include "processes.h"
#include "queue/queue.h"
#include "random.h"

#define SCENARIO_SERVICES_MAX 3u
#define SCENARIO_WORKERS_MAX 8u
#define SCENARIO_GROUPS_MAX 5u
#define SCENARIO_DATA_BYTES 64u
#define SCENARIO_LOW_PORT 1024u

enum pattern {
	POLITE,	  /* at random moments, evenly from all addresses */
	BURSTY,	  /* many at once */
	ABUSIVE,  /* as polite, but it never slows down */
	RETRYING, /* asks again when there is no answer */
	FORGED,	  /* each from an address of its own */
};

/* Clients that behave alike. */
struct group {
	enum pattern pattern;
	unsigned socket; /* the first with its address */
	unsigned addresses;
	unsigned ports;	     /* of each address */
	int64_t interval_ns; /* mean, of the whole group */
	unsigned length;     /* of each; 0: any */
	unsigned burst;	     /* datagrams at once */
	unsigned left;	     /* datagrams that it will still send */
	int64_t patience_ns; /* RETRYING: until it asks again */
	bool even;	     /* each in its turn, not at random */
	bool spread;	     /* each address is in a network of its own */
	unsigned company; /* datagrams of the next group that come with each burst of this one: */
	enum { BEHIND, BEFORE, AMONG } place;
};

/* Who runs a service's handler. */
enum runner {
	BY_WORKERS,
	BY_RECEIVERS_TOO, /* it is declared never to block: they help */
	BY_RECEIVERS,	  /* inline */
};

/* A service and what its handler is like. */
struct sim_service {
	enum runner runner;
	bool never_blocks; /* declared so */
	bool reads_arrived;
	const struct dgram_handler *handler; /* NULL: the simulated one, as below */
	unsigned capacity;
	struct backlog_rules rules;
	bool busy;
	int64_t max_wait_ns;		/* 0: no limit */
	unsigned requests_per_s;	/* of a source; 0: no limit */
	unsigned leak;			/* of what is over it */
	struct queue_settings settings; /* max_workers 0: all */
	int64_t service_ns;
	unsigned vary;	      /* parts of 100 */
	unsigned slow_one_in; /* takes very much longer */
	unsigned slow_factor;
	unsigned fail_one_in, silent_one_in, wrong_one_in;
	bool outside; /* its handler is in children: */
	struct sim_children children;
};

struct scenario {
	unsigned services_count;
	struct sim_service services[SCENARIO_SERVICES_MAX];
	unsigned sockets_count;
	unsigned workers;
	unsigned groups_count;
	struct group groups[SCENARIO_GROUPS_MAX];
	unsigned bad_one_in; /* datagrams that must not be queued */
	unsigned unstamped_one_in;
	unsigned duplicate_one_in;
	int64_t delay_most_ns; /* on the way */
	int64_t length_ns;     /* until the clients have sent all, about */
	int64_t stop_ns;       /* when the server is stopped, from the beginning */
	int64_t drain_ns;
	unsigned changes;	 /* of settings while it runs */
	unsigned clock_steps;	 /* of the wall clock */
	int64_t receive_cost_ns; /* of each datagram */
};

struct run;

/* Draw it all from the run's seed; then have the handlers of workers outside. */
void scenario_draw(struct run *run);
void scenario_draw_children(struct run *run);

/* scenario.c: settings as they may be drawn again while it runs. */
void scenario_draw_settings(struct random *random, unsigned workers, struct sim_service *service);

/* clients.c: let all groups begin, at the world's time. */
void clients_start(struct run *run);

/* sim_handler.c: the handler of a service; `context` is the struct sim_service. */
struct dgram_handler sim_handler_of(const struct sim_service *service);

#endif
