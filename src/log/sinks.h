/* A set of sinks: one value of the log's settings, with its files open.
 *
 * A set is made by the owner and then shared: `style`, `generation` and the descriptors do not
 * change any more, the owner may add a worker's sink, and the rest of a sink is the consumer's. */
#ifndef LOG_SINKS_H
#define LOG_SINKS_H

#include "log/format.h"
#include "log/sink.h"

struct log_sinks {
	struct log_style style;
	uint8_t generation; /* set before it is shared */
	char *target;
	struct log_sink main;
	struct log_sink *_Atomic workers[LOG_WORKERS_MAX]; /* NULL: `main` */
};

/* The sinks of the settings without those of workers; errors as log_apply(). */
int log_sinks_new(const struct log_settings *settings, struct log_sinks **ret_sinks);

/* Stderr, whatever the target, as it is: opens nothing. */
int log_sinks_new_plain(const struct log_settings *settings, struct log_sinks **ret_sinks);

/* The same sinks, those of workers too, opened anew. One that cannot be opened takes a copy of the
 * old descriptor, and *ret_error becomes the reason, a negative errno value. */
int log_sinks_new_again(const struct log_sinks *old, struct log_sinks **ret_sinks, int *ret_error);

/* Has a worker with this number, or a higher one, a sink? */
bool log_sinks_have_workers(const struct log_sinks *sinks, unsigned number);

/* The same sinks without those of workers from `workers` on. Opens nothing: the descriptors become
 * those of the new set, which must now replace the old one. -ENOMEM. */
int log_sinks_new_fewer(struct log_sinks *old, unsigned workers, struct log_sinks **ret_sinks);

/* Open the file of a worker, if the target has files of workers and this one is not open. */
int log_sinks_add_worker(struct log_sinks *sinks, unsigned number);

/* NULL is fine. */
void log_sinks_free(struct log_sinks *sinks);

/* Thread: consumer. */
struct log_sink *log_sinks_route(struct log_sinks *sinks, struct log_source source);
void log_sinks_inherit(struct log_sinks *sinks, const struct log_sinks *old);

/* Let no sink rest any longer. Thread: consumer. */
void log_sinks_wake(struct log_sinks *sinks);

#endif
