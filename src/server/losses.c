/* Lines about datagrams that got no answer: for each service and reason one a second while it happens, and one when
 * it is over. They are made of the books, by the owner's thread, so those who lose a datagram only count it. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

/* A spell is over when nothing was lost for so long. */
#define QUIET_NS (3 * NS_PER_S)

#define DROP(id, name, sentence, advice) { "dropped_" name, advice },
#define FAIL(id, name, sentence, advice) { "failed_" name, advice },
static const struct {
	const char *name;
	const char *advice;
} reasons[SERVER_LOSSES] = {
	LEDGER_DROPS(DROP) LEDGER_FAILURES(FAIL){ "dropped_by_kernel",
		"raise socket.receive_buffer_bytes, and net.core.rmem_max if less than that is granted" },
	{ "would_drop_limit",
		"if such clients are welcome, name them in limits.exempt, or raise limits" },
	{ "replies_withheld", "see the advice about dropped_amplification" }
};
#undef DROP
#undef FAIL

const char *dgram_advice(const char *reason)
{
	for (unsigned i = 0; i < SERVER_LOSSES; i++)
		if (strcmp(reasons[i].name, reason) == 0)
			return reasons[i].advice;
	return NULL;
}

/* --- what there was to do */

static uint64_t count_served(const struct ledger *ledger)
{
	return ledger->replied + ledger->no_reply + ledger->dropped[DROP_AMPLIFICATION] +
	       ledger_failed(ledger);
}

static uint64_t count_arrived(const struct ledger *ledger)
{
	return count_served(ledger) + ledger->dropped[DROP_QUEUE_FULL] +
	       ledger->dropped[DROP_EXPIRED] + ledger->dropped[DROP_SHUTDOWN] + ledger->queued +
	       ledger->running;
}

/* Rounded, but some are never none. */
static uint64_t each_second(uint64_t count, int64_t elapsed_ns)
{
	double rate = (double)count * (double)NS_PER_S / (double)elapsed_ns;

	return count > 0 && rate < 1 ? 1 : (uint64_t)(rate + 0.5);
}

static void take_stock(struct dgram_server *server, unsigned service, int64_t elapsed_ns)
{
	struct service_losses *losses = &server->losses[service];
	struct queue_report report;
	uint64_t arrived, served;

	server_books(server, service, &report);
	arrived = count_arrived(&report.ledger) - count_arrived(&losses->ledger);
	served = count_served(&report.ledger) - count_served(&losses->ledger);
	losses->load = (struct service_load){
		.arrived = each_second(arrived, elapsed_ns),
		.arrived_before = losses->load.arrived,
		.served = each_second(served, elapsed_ns),
		.running = report.ledger.running,
		.each_ns = report.service_ewma_ns,
	};
	losses->ledger = report.ledger;
}

/* --- lines */

static void log_losses(
	struct dgram_server *server, unsigned service, unsigned reason, uint64_t lost)
{
	const struct loss_spell *spell = &server->losses[service].spells[reason];
	struct service *of = &server->services[service];
	char hint[SERVER_ADVICE_MAX];
	struct loss_example example;
	struct log_field fields[10];
	int64_t longest_wait_ns = 0;
	size_t count = 0;
	unsigned noted = reason == SERVER_WOULD_LIMIT ? DROP_LIMIT : reason;
	bool found = noted < LEDGER_REASONS &&
		     loss_take(&of->losses[noted], &example, &longest_wait_ns);

	fields[count++] = log_text("service", of->name);
	fields[count++] = log_text("reason", reasons[reason].name);
	fields[count++] = log_uint("lost", lost);
	fields[count++] = log_uint("lost_so_far", spell->lost);
	fields[count++] = log_int("since_s", (spell->last_ns - spell->since_ns) / NS_PER_S);
	if (longest_wait_ns > 0)
		fields[count++] = log_int("longest_wait_ms", longest_wait_ns / NS_PER_MS);
	if (found) {
		fields[count++] = log_addr("client", &example.client);
		fields[count++] = log_uint("bytes", example.bytes);
	}
	if (found && example.error != 0)
		fields[count++] = log_errno("error", example.error);
	server_advice(server, service, reason, reasons[reason].advice, hint);
	fields[count++] = log_text("hint", hint);
	log_event(server->ring,
		reason == SERVER_WOULD_LIMIT ? EVENT_LIMITS_WOULD_DROP : EVENT_DATAGRAMS_LOST,
		fields, count);
}

static void end_spell(struct dgram_server *server, unsigned service, unsigned reason)
{
	struct loss_spell *spell = &server->losses[service].spells[reason];

	log_event(server->ring, EVENT_LOSSES_ENDED,
		LOG_FIELDS(log_text("service", server->services[service].name),
			log_text("reason", reasons[reason].name), log_uint("lost", spell->lost),
			log_int("lasted_s", (spell->last_ns - spell->since_ns) / NS_PER_S)));
	spell->lost = 0;
}

/* --- looking */

static uint64_t count_lost(struct dgram_server *server, unsigned service, unsigned reason)
{
	const struct ledger *ledger = &server->losses[service].ledger;

	if (reason == SERVER_LOST_BY_KERNEL)
		return server_books_kernel_drops(server, service);
	if (reason == SERVER_WOULD_LIMIT)
		return atomic_load(&server->services[service].limiter.would_drop);
	if (reason == SERVER_WITHHELD)
		return atomic_load(&server->services[service].door.withheld);
	return reason < DROP_COUNT ? ledger->dropped[reason] : ledger->failed[reason - DROP_COUNT];
}

/* Where broadcasts are served, each receiver but the first drops its copy of what the first one has. */
static bool is_copy(const struct service *service, unsigned reason)
{
	return service->broadcast && (reason == DROP_BROADCAST || reason == DROP_MULTICAST);
}

/* The last look, or a second ago: if that look was before, the owner slept, because nothing came. */
static int64_t begin_of_spell(const struct dgram_server *server, int64_t now_ns)
{
	int64_t second_ago_ns = now_ns - NS_PER_S;

	return server->last_losses_ns > second_ago_ns ? server->last_losses_ns : second_ago_ns;
}

static void check_reason(
	struct dgram_server *server, unsigned service, unsigned reason, int64_t now_ns)
{
	struct loss_spell *spell = &server->losses[service].spells[reason];
	uint64_t seen = count_lost(server, service, reason), lost = 0;

	if (is_copy(&server->services[service], reason))
		return;
	if (seen >
		spell->seen) { /* the kernel's falls for a moment, while a socket takes another's place */
		lost = seen - spell->seen;
		spell->seen = seen;
	}
	if (lost > 0) {
		if (spell->lost == 0)
			spell->since_ns = begin_of_spell(server, now_ns);
		spell->lost += lost;
		spell->last_ns = now_ns;
		log_losses(server, service, reason, lost);
	} else if (spell->lost > 0 && now_ns - spell->last_ns >= QUIET_NS) {
		end_spell(server, service, reason);
	}
}

/* No worker comes for what waits behind handlers that are stuck. */
static void expire_waiting(struct dgram_server *server, int64_t now_ns)
{
	struct worker_shared *shared = &server->pool.shared;
	unsigned count;

	for (unsigned i = 0; i < server->services_count; i++)
		do {
			struct queue *queue = server->services[i].queue;
			struct datagram_list expired = { 0 };

			if (queue != NULL)
				queue_expire(queue, now_ns, &expired);
			count = expired.count;
			slab_give(server->slab, &expired);
		} while (count == QUEUE_BATCH_MAX);
	/* A worker may sleep until what it may not take is gone, to end. */
	if (atomic_load(&shared->demand.closed))
		worker_wake_all(shared);
}

/* A count that another look told of within this second waits for the next look, or for the ledger. */
void server_losses_look(struct dgram_server *server)
{
	int64_t now_ns = sys_monotonic_ns(), elapsed_ns = now_ns - server->last_losses_ns;

	expire_waiting(server, now_ns);
	for (unsigned i = 0; i < server->services_count; i++)
		take_stock(server, i, elapsed_ns > 0 ? elapsed_ns : 1);
	for (unsigned i = 0; i < server->services_count; i++)
		for (unsigned reason = 0; reason < SERVER_LOSSES; reason++)
			if (now_ns - server->losses[i].spells[reason].last_ns >= NS_PER_S)
				check_reason(server, i, reason, now_ns);
	server->last_losses_ns = now_ns;
}

/* --- when to look */

static void look_in_a_second(struct dgram_server *server)
{
	events_set(&server->events, &server->losses_timer, sys_monotonic_ns() + NS_PER_S);
}

static bool is_over(const struct service_losses *losses)
{
	for (unsigned reason = 0; reason < SERVER_LOSSES; reason++)
		if (losses->spells[reason].lost > 0)
			return false;
	return losses->ledger.queued == 0 && losses->ledger.running == 0;
}

/* Has nothing come since the last look, and is nothing left of what came before? */
static bool has_come_to_rest(struct dgram_server *server)
{
	for (unsigned i = 0; i < server->services_count; i++) {
		const struct service_losses *losses = &server->losses[i];
		struct queue_report report;

		server_books(server, i, &report);
		if (report.ledger.received != losses->ledger.received || !is_over(losses) ||
			server_books_kernel_drops(server, i) !=
				losses->spells[SERVER_LOST_BY_KERNEL].seen)
			return false;
	}
	return true;
}

static void on_look_due(void *context)
{
	struct dgram_server *server = context;
	struct attention *attention = &server->pool.shared.attention;
	bool before = has_come_to_rest(server);

	server_losses_look(server);
	atomic_store(&attention->asleep, before);
	if (!before || !has_come_to_rest(server)) {
		atomic_store(&attention->asleep, false);
		look_in_a_second(server);
	}
}

static void on_call(void *context, uint32_t ready)
{
	struct dgram_server *server = context;
	eventfd_t calls;

	(void)ready;
	(void)eventfd_read(server->losses_watch.fd, &calls);
	if (server->losses_timer.set)
		return;
	server->last_losses_ns = sys_monotonic_ns();
	look_in_a_second(server);
}

int server_losses_open(struct dgram_server *server)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	server->pool.shared.attention.fd = fd;
	server->losses_timer.call = on_look_due;
	server->losses_timer.context = server;
	server->losses_watch = (struct events_watch){ fd, EPOLLIN, on_call, server };
	return fd < 0 ? -errno : events_add(&server->events, &server->losses_watch);
}

void server_losses_close(const struct dgram_server *server)
{
	if (server->losses_watch.fd >= 0)
		close(server->losses_watch.fd);
}

void server_losses_plan(struct dgram_server *server)
{
	look_in_a_second(server);
}

void server_losses_catch_up(struct dgram_server *server)
{
	if (sys_monotonic_ns() - server->last_losses_ns >= NS_PER_S)
		server_losses_look(server);
}
