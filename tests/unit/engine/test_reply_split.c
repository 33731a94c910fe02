/* Joined replies that the kernel refuses: they are taken apart, and each is tried alone. */
/* link: -Wl,--wrap=sys_send,--wrap=sys_wait,--wrap=log_event */
#include "reply_support.h"

static const int errors[] = { EIO, EINVAL, EMSGSIZE, EPERM, ENOBUFS, EAGAIN };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* The kernel refuses these messages: where it would bear them alone, all are sent; else all but
 * these fail. */
static void must_take_apart(const char *batch, const char *bad, unsigned at_most, bool wildcard)
{
	for (unsigned e = 0; e < ERRORS; e++)
		for (int joined_only = 0; joined_only < 2; joined_only++) {
			begin(wildcard, false);
			kernel.bad = bad;
			kernel.error = errors[e];
			kernel.joined_only = joined_only;
			kernel.at_most = at_most;
			send_batch(batch);
			check_sent(batch, joined_only ? "" : bad, errors[e]);
			end();
		}
}

static void a_bad_one_costs_only_itself(void **state)
{
	static const char clients[] = "aAnN";

	(void)state;
	for (unsigned set = 0; set < 16; set++)
		for (unsigned at_most = 0; at_most < 4; at_most++) {
			char bad[5] = "";

			for (unsigned i = 0; i < 4; i++)
				if (set >> i & 1)
					bad[strlen(bad)] = clients[i];
			must_take_apart("a1A1n1N1N1n1a1A1A1A1", bad, at_most, true);
			must_take_apart("a1A2n3N3N3n3a0A2A2a1a1", bad, at_most, true);
		}
	for (unsigned at_most = 0; at_most < 4; at_most++)
		must_take_apart("a1b2c3c3b2a1d4e5e5d4", "ace", at_most, false);
}

static void an_error_is_no_reason_to_split(int error, unsigned waits)
{
	begin(true, true);
	kernel.bad = "b";
	kernel.error = error;
	kernel.times = 1;
	must_send("a1b1c1a1b1c1", "a11 !b11 b11 c11");
	assert_int_equal(kernel.waits, waits);
	end();
}

/* For want of room: the whole is tried again. */
static void passing_errors(void **state)
{
	(void)state;
	an_error_is_no_reason_to_split(ENOBUFS, 1);
	an_error_is_no_reason_to_split(EAGAIN, 1);
}

/* The kernel does not bear joined replies of this length and more; the first batch teaches that, with one
 * line in the log, and then these are sent. */
static void must_learn(
	bool v6, int error, size_t least, const char *first, const char *then, const char *messages)
{
	begin(v6, v6);
	kernel.bad = "abc";
	kernel.error = error;
	kernel.joined_only = true;
	kernel.least = least;
	send_batch(first);
	check_sent(first, "", error);
	assert_int_equal(kernel.told_not_joined, 1);
	must_send(then, messages);
	assert_int_equal(kernel.told_not_joined, 1);
	end();
}

static void what_cannot_be_joined_is_learned(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		must_learn(
			v6, EIO, 5, "a5a5", "a5a5b1b1", "a5 a5 b1 b1"); /* the device never does */
		must_learn(v6, EINVAL, 5, "a5a5", "a6a6a5a5a4a4", "a6 a6 a5 a5 a44");
		must_learn(v6, EMSGSIZE, 5, "a5a5", "a6a6a5a5a4a4", "a6 a6 a5 a5 a44");
		must_learn(v6, EIO, 0, "a5a5b5b5c5c5", "a1a1", "a1 a1"); /* told once, for all */
		must_learn(v6, EINVAL, 5, "a5a5b5b5", "a5a5a4a4", "a5 a5 a44");
		must_learn(
			v6, EINVAL, 5, "a7a7a5a5a9a9", "a9a9a7a7a5a5a4a4", "a9 a9 a7 a7 a5 a5 a44");
	}
	must_learn(false, EINVAL, 5, "a5a5b9b9c7c7", "a9a9a7a7a5a5a4a4", "a9 a9 a7 a7 a5 a5 a44");
}

/* The MTU of an IPv6 path says nothing of another's, and shorter replies are joined there, too. */
static void a_narrow_path_is_one_clients(void **state)
{
	(void)state;
	must_learn(false, EMSGSIZE, 5, "a5a5", "m5m5n5n5", "m5 m5 n5 n5");
	must_learn(true, EMSGSIZE, 5, "a5a5", "m5m5n5n5a5a5a4a4", "m55 n55 a5 a5 a44");
	must_learn(true, EINVAL, 5, "a5a5", "m9m9a4a4a9a9", "m99 a44 a9 a9");
	must_learn(true, EMSGSIZE, 5, "a5a5b5b5", "a5a5b5b5m5m5", "a5 a5 b5 b5 m55");
}

static void must_not_learn(const char *batch, int error, const char *bad, bool joined_only)
{
	begin(false, false);
	kernel.bad = bad;
	kernel.error = error;
	kernel.joined_only = joined_only;
	send_batch(batch);
	check_sent(batch, joined_only ? "" : bad, error);
	assert_int_equal(kernel.told_not_joined, 0);
	kernel.error = 0;
	must_send("a9a9", "a99");
	end();
}

/* Not from other errors, nor where the kernel does not bear a reply alone either. */
static void nothing_else_is_learned(void **state)
{
	(void)state;
	must_not_learn("a5a5b5b5", EPERM, "a", true);
	must_not_learn("a5a5b5b5", ENOBUFS, "b", true);
	must_not_learn("a5a5b5b5", EIO, "a", false);
	must_not_learn("a5a5b5b5", EINVAL, "ab", false);
	must_not_learn("a5a5b5b5", EMSGSIZE, "b", false);
}

/* It was the way to somebody, perhaps: after a while it is tried again. */
static void must_forget(bool v6, int error)
{
	unsigned batches = 0;

	begin(v6, v6);
	kernel.bad = "a";
	kernel.error = error;
	kernel.joined_only = true;
	send_batch("a5a5");
	kernel.error = 0;
	for (; batches < 100000; batches++) {
		send_batch("a5a5");
		if (strcmp(kernel.seen, "a5 a5") != 0)
			break;
	}
	assert_string_equal(kernel.seen, "a55");
	assert_in_range(batches, 65000, 66000);
	kernel.error = error;
	send_batch("a5a5"); /* and learned again */
	check_sent("a5a5", "", error);
	must_send("a5a5", "a5 a5");
	end();
}

static void what_was_learned_is_forgotten(void **state)
{
	(void)state;
	must_forget(false, EIO);
	must_forget(false, EMSGSIZE);
	must_forget(true, EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_one_costs_only_itself),
		cmocka_unit_test(passing_errors),
		cmocka_unit_test(what_cannot_be_joined_is_learned),
		cmocka_unit_test(a_narrow_path_is_one_clients),
		cmocka_unit_test(nothing_else_is_learned),
		cmocka_unit_test(what_was_learned_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
