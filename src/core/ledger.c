#include "core/ledger.h"

#include <errno.h>

#define LEDGER_NAME(id, name, sentence, advice) [id] = name,
const char *const ledger_drop_names[DROP_COUNT] = { LEDGER_DROPS(LEDGER_NAME) };
const char *const ledger_failure_names[FAIL_COUNT] = { LEDGER_FAILURES(LEDGER_NAME) };
#undef LEDGER_NAME

void ledger_add(struct ledger *to, const struct ledger *from)
{
	to->received += from->received;
	to->replied += from->replied;
	to->no_reply += from->no_reply;
	for (int i = 0; i < DROP_COUNT; i++)
		to->dropped[i] += from->dropped[i];
	for (int i = 0; i < FAIL_COUNT; i++)
		to->failed[i] += from->failed[i];
	to->queued += from->queued;
	to->running += from->running;
	to->replies_extra += from->replies_extra;
}

uint64_t ledger_dropped(const struct ledger *ledger)
{
	uint64_t sum = 0;

	for (int i = 0; i < DROP_COUNT; i++)
		sum += ledger->dropped[i];
	return sum;
}

uint64_t ledger_failed(const struct ledger *ledger)
{
	uint64_t sum = 0;

	for (int i = 0; i < FAIL_COUNT; i++)
		sum += ledger->failed[i];
	return sum;
}

bool ledger_balances(const struct ledger *ledger)
{
	return ledger->received == ledger->replied + ledger->no_reply + ledger_dropped(ledger) +
					   ledger_failed(ledger) + ledger->queued + ledger->running;
}

enum ledger_failure ledger_send_failure(int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return FAIL_SEND_NO_BUFFER;
	case EPERM:
	case EACCES:
		return FAIL_SEND_FORBIDDEN;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
		return FAIL_SEND_UNREACHABLE;
	case EADDRNOTAVAIL:
		return FAIL_SEND_NO_SOURCE;
	case EMSGSIZE:
		return FAIL_SEND_TOO_LONG;
	default:
		return FAIL_SEND_INVALID;
	}
}
