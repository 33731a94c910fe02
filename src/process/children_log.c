/* What the log says of children. Thread: owner. */
#include <signal.h>
#include <string.h>

#include "base/sys.h"
#include "process/children.h"

void children_log_up(const struct child *child)
{
	const struct children *children = child->children;

	log_event(children->host.log, EVENT_CHILD_READY,
		LOG_FIELDS(log_text("service", children->program.service),
			log_int("pid", child->process.pid)));
}

/* Exited, or died by a signal, of which a core dump makes no other end. */
static struct log_field end_field(const struct child *child)
{
	const char *name;

	if (child->process.pid == 0)
		return log_text("ended", "stream");
	if (child->end.si_code == CLD_EXITED)
		return log_int("code", child->end.si_status);
	name = sigabbrev_np(child->end.si_status);
	if (name != NULL)
		return log_text("signal", name);
	return log_int("signal", child->end.si_status);
}

static void log_replaced(const struct child *child)
{
	const struct children *children = child->children;

	log_event(children->host.log, EVENT_CHILD_REPLACED,
		LOG_FIELDS(log_text("service", children->program.service),
			log_int("pid", child->process.pid), log_uint("requests", child->requests),
			end_field(child)));
}

static const char *reason_given(const struct child *child)
{
	if (child->reason != NULL)
		return child->reason;
	return child->served ? "ended" : "ended before its first line";
}

static void log_death(const struct child *child)
{
	const struct children *children = child->children;
	const struct child_victim *victim = &child->victim;
	struct log_field fields[10] = {
		log_text("service", children->program.service),
		log_int("pid", child->process.pid),
		end_field(child),
		log_text("reason", reason_given(child)),
		log_uint("requests", child->requests),
	};
	size_t count = 5;

	if (victim->unanswered > 0) {
		fields[count++] = log_uint("unanswered", victim->unanswered);
		fields[count++] = log_addr("client", &victim->client);
		fields[count++] = log_uint("bytes", victim->bytes);
		fields[count++] = log_uint("hash", victim->hash);
	}
	if (child->last_length > 0)
		fields[count++] = log_bytes("last", child->last, child->last_length);
	if (child->served)
		log_event_as(children->host.log, (struct log_source){ LOG_WORKER, child->worker },
			EVENT_CHILD_ENDED, fields, count);
	else
		log_event(children->host.log, EVENT_CHILD_DID_NOT_START, fields, count);
}

/* A stream that was handed in, and ended with nothing unanswered: that is no loss. */
static bool is_at_its_end(const struct child *child)
{
	return child->process.pid == 0 && child->served && child->fault == CHILD_ENDED &&
	       child->victim.unanswered == 0;
}

void children_log_end(const struct child *child)
{
	if (child->fault == CHILD_REPLACED)
		log_replaced(child);
	else if (child->fault != CHILD_STOPPED && !is_at_its_end(child))
		log_death(child);
}

void children_log_no_start(struct children *children, int error)
{
	uint64_t suppressed;

	if (log_limit_pass(&children->start_limit, sys_monotonic_ns(), &suppressed))
		log_event(children->host.log, EVENT_CANNOT_START_CHILD,
			LOG_FIELDS(log_text("service", children->program.service),
				log_errno("error", -error), log_uint("suppressed", suppressed)));
}

void children_log_failing(struct children *children, bool failing)
{
	log_event(children->host.log, failing ? EVENT_CHILDREN_FAILING : EVENT_CHILDREN_RECOVERED,
		LOG_FIELDS(log_text("service", children->program.service),
			log_uint("serving", children->serving)));
}
