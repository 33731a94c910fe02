#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/ledger.h"

/* Each place that a datagram can be in counts, and once. */
static void must_count(uint64_t *place, struct ledger *ledger)
{
	ledger->received = 1;
	assert_false(ledger_balances(ledger));
	*place = 1;
	assert_true(ledger_balances(ledger));
	*place = 2;
	assert_false(ledger_balances(ledger));
	*place = 0;
}

static void every_place_is_in_the_equation(void **state)
{
	struct ledger ledger = { 0 };

	(void)state;
	assert_true(ledger_balances(&ledger));
	must_count(&ledger.replied, &ledger);
	must_count(&ledger.no_reply, &ledger);
	must_count(&ledger.queued, &ledger);
	must_count(&ledger.running, &ledger);
	for (int i = 0; i < DROP_COUNT; i++)
		must_count(&ledger.dropped[i], &ledger);
	for (int i = 0; i < FAIL_COUNT; i++)
		must_count(&ledger.failed[i], &ledger);
}

static void adds_every_field(void **state)
{
	struct ledger sum, one;
	uint64_t *fields = (uint64_t *)(void *)&one;

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(*fields); i++)
		fields[i] = i + 1;
	sum = one;
	ledger_add(&sum, &one);
	fields = (uint64_t *)(void *)&sum;
	for (size_t i = 0; i < sizeof(sum) / sizeof(*fields); i++)
		assert_int_equal(fields[i], 2 * (i + 1));
}

static void reasons_have_names_of_their_own(void **state)
{
	(void)state;
	for (int i = 0; i < DROP_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(ledger_drop_names[i], ledger_drop_names[j]);
	for (int i = 0; i < FAIL_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(ledger_failure_names[i], ledger_failure_names[j]);
}

static void every_errno_has_a_reason(void **state)
{
	(void)state;
	assert_int_equal(ledger_send_failure(EAGAIN), FAIL_SEND_NO_BUFFER);
	assert_int_equal(ledger_send_failure(ENOBUFS), FAIL_SEND_NO_BUFFER);
	assert_int_equal(ledger_send_failure(EPERM), FAIL_SEND_FORBIDDEN);
	assert_int_equal(ledger_send_failure(EACCES), FAIL_SEND_FORBIDDEN);
	assert_int_equal(ledger_send_failure(ENETUNREACH), FAIL_SEND_UNREACHABLE);
	assert_int_equal(ledger_send_failure(EADDRNOTAVAIL), FAIL_SEND_NO_SOURCE);
	assert_int_equal(ledger_send_failure(EMSGSIZE), FAIL_SEND_TOO_LONG);
	assert_int_equal(ledger_send_failure(EINVAL), FAIL_SEND_INVALID);
	for (int error = 1; error < 4096; error++)
		assert_in_range(ledger_send_failure(error), FAIL_SEND_NO_BUFFER, FAIL_SEND_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_place_is_in_the_equation),
		cmocka_unit_test(adds_every_field),
		cmocka_unit_test(reasons_have_names_of_their_own),
		cmocka_unit_test(every_errno_has_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
