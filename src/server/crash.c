/* What a thread was at when a signal ends the process. All of it runs in a signal handler: nothing here takes a lock or
 * memory, and the lines have a ring of their own, because the thread's may be half written. */
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "server/server.h"

#define SIGNAL_NAME_MAX 16

/* The one that runs in the calling thread; NULL: none does. */
static struct worker *find_own(struct dgram_server *server)
{
	pid_t self = gettid();

	for (unsigned i = 0; i < WORKER_OF_RECEIVER(server->sockets_count); i++) {
		struct worker *worker = server_worker(server, i);

		if (worker != NULL && atomic_load(&worker->recorder.thread) == self)
			return worker;
	}
	return NULL;
}

static void log_idle_thread(struct dgram_server *server, const char *signal)
{
	char thread[16 + 1] = "";

	(void)prctl(PR_GET_NAME, thread);
	log_event(server->crash_ring, EVENT_DIED,
		LOG_FIELDS(log_text("signal", signal), log_text("thread", thread)));
}

static void log_request_in_hand(struct dgram_server *server, const struct worker *worker,
	const struct datagram *job, const char *signal)
{
	const struct recorder *recorder = &worker->recorder;
	unsigned service = atomic_load(&recorder->service);
	int64_t running_ns =
		sys_monotonic_ns() - atomic_load(&worker->counters[service].busy_since_ns);
	struct log_source source = server_worker_source(worker);
	char thread[16 + 1] = "";

	(void)prctl(PR_GET_NAME, thread);
	log_event_as(server->crash_ring, source, EVENT_DIED,
		LOG_FIELDS(log_text("signal", signal), log_text("thread", thread),
			log_text("service", server->services[atomic_load(&recorder->service)].name),
			log_addr("client", &job->client), log_uint("bytes", job->length),
			log_int("running_us", running_ns / NS_PER_US)));
}

void dgram_server_log_crash(struct dgram_server *server, int signal)
{
	struct worker *worker = find_own(server);
	const struct datagram *const *running =
		worker != NULL ? atomic_load(&worker->recorder.running) : NULL;
	const char *name = sigabbrev_np(signal);
	char text[SIGNAL_NAME_MAX] = "SIG";

	if (!log_has_writer(server->log))
		return;
	(void)strncat(text, name != NULL ? name : "?", sizeof(text) - 4);
	if (running != NULL && *running != NULL)
		log_request_in_hand(server, worker, *running, text);
	else
		log_idle_thread(server, text);
	if (worker != NULL)
		server_records_log(server, server->crash_ring, worker);
	log_flush(server->log);
}
