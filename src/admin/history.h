/* The last minute, for the page: what the server did in each second, and each worker. The owner adds a second; any
 * thread reads. */
#ifndef ADMIN_HISTORY_H
#define ADMIN_HISTORY_H

#include <dgram.h>
#include <stdint.h>

#define HISTORY_SECONDS 60

/* What a chart shows. */
enum history_figure {
	HISTORY_RECEIVED, /* datagrams in a second */
	HISTORY_REPLIED,  /* the same */
	HISTORY_DROPPED,  /* the same, those that the kernel dropped included */
	HISTORY_P99_NS, /* what 99 % of the second's calls of handlers did not exceed; 0: there were none */
	HISTORY_FIGURES,
};

/* The oldest second first. */
struct history_minute {
	unsigned count;
	double of[HISTORY_FIGURES][HISTORY_SECONDS];
};

struct history;

/* NULL: there is no memory. Thread: owner. */
struct history *history_new(void);

/* NULL is fine. */
void history_free(struct history *history);

/* Readable once a second, when history_add() is due; -errno. */
int history_open_clock(struct history *history);
int history_fd(const struct history *history);

/* Add the second that ends now, if it is due. Thread: owner. */
void history_add(struct history *history, struct dgram_server *server);

/* Thread: any. */
void history_read(struct history *history, struct history_minute *ret_minute);

/* The share of the last second in which a worker was busy, by its number. Thread: any. */
double history_busy_share(struct history *history, unsigned worker);

#endif
