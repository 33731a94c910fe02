/* A crowd: clients who ask at a rate of their own, come what may, and what became of what they
 * asked. Of `sources` clients, drawn at random for each request (a Poisson process), each has an
 * address of its own, 127.x.y.z. One thread. */
#ifndef OVERLOAD_CROWD_H
#define OVERLOAD_CROWD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CROWD_STEPS_MAX 4
#define CROWD_SOCKETS_MAX 1000
#define CROWD_SOURCES_MAX 1000000
#define CROWD_REQUESTS_MAX 8000000
#define CROWD_REPEATS_MAX 9
#define CROWD_SECONDS_MAX 60

/* Times are in ns since the begin. */
struct request {
	int64_t intended_ns;
	int64_t answered_ns; /* 0: it was not */
	int64_t lag_ns;	     /* sent so much later than intended */
	uint32_t source;
	uint32_t sends;
};

/* One that is to be sent again unless it is answered. */
struct repeat {
	int64_t due_ns;
	uint32_t number;
};

/* So many a second until then. */
struct step {
	double rate;
	int64_t end_ns;
};

struct crowd {
	char name[16];
	unsigned index;
	bool shared;   /* one socket for all: the source is chosen for each datagram */
	bool forged;   /* so it is, and nobody waits for an answer */
	bool together; /* all addresses are in few networks */
	unsigned sources;
	unsigned repeats;
	int64_t patience_ns; /* after which a client sends again */
	struct step steps[CROWD_STEPS_MAX];
	unsigned steps_count, step;
	int64_t next_ns; /* when the next request is to be sent; INT64_MAX: never */
	uint64_t random;
	struct request *requests;
	uint32_t requests_count, requests_most;
	struct repeat *again; /* those before again_first were dealt with */
	size_t again_first, again_count;
	uint64_t resent;
	uint64_t refused; /* datagrams that the kernel did not take */
};

/* NAME,KIND,SOURCES,REPEATS,RATE*SECONDS[+RATE*SECONDS]... False: that is not what it says. */
bool crowd_parse(struct crowd *crowd, const char *text);

/* Take its memory. -ENOMEM. */
int crowd_prepare(struct crowd *crowd, unsigned index, int64_t patience_ns);

int64_t crowd_end_ns(const struct crowd *crowd);

/* When it has something to send again, or next; INT64_MAX: never. */
int64_t crowd_due_ns(const struct crowd *crowd);

/* The requests (at most `most`) that are due, and count as sent from now on. */
unsigned crowd_take_due(struct crowd *crowd, int64_t now_ns, uint32_t *ret_numbers, unsigned most);

/* An answer to a request came; unknown numbers and further answers are ignored. */
void crowd_answered(struct crowd *crowd, uint32_t number, int64_t now_ns);

struct in_addr crowd_address(const struct crowd *crowd, uint32_t source);

#endif
