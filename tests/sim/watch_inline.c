/* What the model does where receivers run the handler themselves: there is no queue, and the books
 * are the receiver's. It enters a batch into them when it has been received, and once more when that
 * has run, each time a little after the model knows what is coming. */
#include <inttypes.h>
#include <string.h>

#include "run.h"
#include "watch.h"

static bool is_inline(const struct sim_socket *socket)
{
	return the_run->scenario.services[socket->service].runner == BY_RECEIVERS;
}

/* Of what is refused at the end the model does not know when it arrived, and counts all as late. */
static void allow_owed(unsigned number, const struct ledger *books, struct ledger *expected)
{
	uint64_t owed = books->dropped[DROP_SHUTDOWN] - expected->dropped[DROP_SHUTDOWN];

	if (!the_run->refusing || books->dropped[DROP_SHUTDOWN] <= expected->dropped[DROP_SHUTDOWN])
		return;
	must(the_run->receivers[number].guard.owed_until_ns != INT64_MIN,
		"nothing cut the drain short");
	expected->dropped[DROP_SHUTDOWN] += owed;
	expected->dropped[DROP_DRAINING] -= owed;
}

static bool are_books(unsigned number, const struct ledger *expected)
{
	struct ledger books = { 0 }, allowed = *expected;

	receiver_books(&the_run->receivers[number], &books);
	must(ledger_balances(&books), "the books of receiver %u do not balance", number);
	allow_owed(number, &books, &allowed);
	return memcmp(&books, &allowed, sizeof(books)) == 0;
}

/* What was coming has come. */
static void must_be_entered(unsigned number)
{
	struct sim_socket *socket = &the_run->network.sockets[number];

	must(are_books(number, &socket->coming), "the books of receiver %u are not what happened",
		number);
	socket->books = socket->coming;
}

void watch_check_inline(unsigned number)
{
	const struct sim_socket *socket = &the_run->network.sockets[number];

	must(!is_inline(socket) || are_books(number, &socket->coming) ||
			are_books(number, &socket->books),
		"the books of receiver %u are not what happened", number);
}

void watch_end_inline(unsigned number)
{
	if (is_inline(&the_run->network.sockets[number]))
		must_be_entered(number);
}

void watch_received(struct sim_socket *socket)
{
	struct model *model = &the_run->models[socket->service];
	struct ledger admission;

	if (!the_run->checked || !is_inline(socket))
		return;
	the_run->world.watching = true;
	must_be_entered((unsigned)(socket - the_run->network.sockets));
	the_run->world.watching = false;
	admission = watch_admission(socket);
	admission.running = admission.received - ledger_dropped(&admission);
	ledger_add(&socket->coming, &admission);
	ledger_add(&model->books, &admission);
}

static void begin(struct sim_socket *socket, const struct datagram_list *jobs, int64_t now_ns)
{
	const struct service *service = &the_run->services[socket->service];
	int64_t wait_ns = atomic_load(&service->max_wait_ns);

	must_be_entered((unsigned)(socket - the_run->network.sockets));
	(void)watch_admit(socket, jobs, now_ns);
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next) {
		struct letter *letter = watch_letter_of(job);

		letter->state = LETTER_TAKEN;
		letter->sequence = ++socket->sequence;
		letter->expires_ns =
			job->arrived_ns + (wait_ns > 0 ? wait_ns : DATAGRAM_FOREVER_NS);
		must(job->expires_ns == letter->expires_ns, "letter %u: a wrong deadline",
			watch_number_of(job));
	}
	the_run->world.running->held_ns = the_run->world.now_ns - now_ns;
	world_trace(&the_run->world, "inline", socket->service, jobs->count, socket->count);
}

static void end(
	struct sim_socket *socket, const struct datagram_list *jobs, const struct ledger *results)
{
	struct model *model = &the_run->models[socket->service];

	watch_must_be_results(jobs, results);
	for (const struct datagram *job = jobs->first; job != NULL; job = job->next)
		watch_letter_of(job)->state = LETTER_DONE;
	ledger_add(&socket->coming, results);
	ledger_add(&model->books, results);
	socket->coming.running -= jobs->count;
	model->books.running -= jobs->count;
	world_trace(&the_run->world, "end inline", socket->service, jobs->count, socket->count);
}

void model_begins_inline(const struct letter *letter)
{
	struct sim_socket *socket = &the_run->network.sockets[letter->socket];

	must(letter->sequence > socket->ran, "a letter is run after one that came later");
	socket->ran = letter->sequence;
}

void __wrap_worker_run_inline(struct worker *worker, struct datagram_list *jobs, int64_t now_ns,
	struct ledger *ret_results)
{
	struct sim_socket *socket =
		&the_run->network.sockets[worker->number - WORKER_OF_RECEIVER(0)];

	if (!the_run->checked) {
		__real_worker_run_inline(worker, jobs, now_ns, ret_results);
		return;
	}
	watch_begin();
	begin(socket, jobs, now_ns);
	watch_end();
	__real_worker_run_inline(worker, jobs, now_ns, ret_results);
	watch_begin();
	end(socket, jobs, ret_results);
	watch_end();
}
