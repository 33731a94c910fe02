/* The watch: the linker leads the product's calls of its queues here (--wrap), and from here to the
 * queue. In between the model looks at what goes in and what comes out. */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include "base/lock.h"
#include "queue/queue.h"
#include "engine/worker.h"

struct model;
struct letter;
struct sim_socket;

struct model *watch_model_of(const struct queue *queue);
uint32_t watch_number_of(const struct datagram *datagram);
struct letter *watch_letter_of(const struct datagram *datagram);

/* Around a call that the model watches: the two are one moment. */
void watch_begin(void);
void watch_end(void);

/* A push and a pop begin a new window when it is time. */
void watch_roll_window(struct model *model, int64_t now_ns);

/* The product says so. */
bool watch_is_worker_needed(const struct model *model);

/* watch_last.c: a worker of the pool, if one runs, has worked for it; one has just held it; may a free
 * worker take work of it, if there is one? */
void watch_note_work(struct model *model);
void watch_hold(const struct model *model);
bool watch_may_have_last(const struct model *model);

/* The queue dropped it. */
void watch_drop(struct model *model, uint32_t number, enum ledger_drop reason);

/* watch_flows.c: what waits may have been sorted into flows since, of which the product has charged
 * some for `jobs`, which the model has not seen go. */
void watch_flows(struct model *model, const struct datagram_list *jobs);

/* Something is about to be received; `empty`: all that waits. */
void watch_look(struct sim_socket *socket, bool empty);

/* What has to be refused of what was received last, in the books; and the same when all else of it
 * is in `batch`. */
struct ledger watch_admission(const struct sim_socket *socket);
struct ledger watch_admit(
	struct sim_socket *socket, const struct datagram_list *batch, int64_t now_ns);

/* What became of these. */
void watch_must_be_results(const struct datagram_list *jobs, const struct ledger *results);

/* watch_inline.c: something was received; are a receiver's books right, at any moment, and when all
 * has ended; the handler begins. */
void watch_received(struct sim_socket *socket);
void watch_check_inline(unsigned number);
void watch_end_inline(unsigned number);
void model_begins_inline(const struct letter *letter);

/* The names are the linker's. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void __real_queue_push(struct queue *queue, struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns, struct datagram_list *ret_dropped);
bool __real_queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);
bool __real_queue_assist(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);
void __real_queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns);
void __real_queue_discard(struct queue *queue, struct datagram_list *ret_dropped);
void __real_queue_end_assist(struct queue *queue);
void __real_queue_configure(struct queue *queue, const struct queue_settings *settings);
void __real_worker_wake(struct worker_shared *shared, int64_t now_ns);
void __real_worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results);
void __real_lock_take(struct lock *lock);
void __real_lock_release(struct lock *lock);

void __wrap_queue_push(struct queue *queue, struct datagram_list *batch,
	const struct ledger *admission, int64_t now_ns, struct datagram_list *ret_dropped);
bool __wrap_queue_pop(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);
bool __wrap_queue_assist(struct queue *queue, int64_t now_ns, struct queue_batch *ret_batch);
void __wrap_queue_finish(struct queue *queue, const struct datagram_list *jobs,
	const struct ledger *results, int64_t spent_ns);
void __wrap_queue_discard(struct queue *queue, struct datagram_list *ret_dropped);
void __wrap_queue_end_assist(struct queue *queue);
void __wrap_queue_configure(struct queue *queue, const struct queue_settings *settings);
void __wrap_worker_wake(struct worker_shared *shared, int64_t now_ns);
void __wrap_worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results);
void __wrap_lock_take(struct lock *lock);
void __wrap_lock_release(struct lock *lock);
/* NOLINTEND(bugprone-reserved-identifier) */

#endif
