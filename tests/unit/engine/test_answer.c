/* What becomes of an answer that the door holds back: it is not sent, and in the books once. */
/* link: -Wl,--wrap=sys_send,--wrap=door_look_closer */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/sys.h"
#include "engine/answer.h"

static struct {
	enum ledger_drop verdict;
	bool counted[8]; /* of each departure */
	unsigned asked, sent;
	const union addr *to;
	size_t length;
} room;

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count);

int __wrap_sys_send(int fd, struct mmsghdr *messages, unsigned count)
{
	(void)fd;
	(void)messages;
	room.sent += count;
	return (int)count;
}

enum ledger_drop __wrap_door_look_closer(struct door *door, const struct departure *departure);

enum ledger_drop __wrap_door_look_closer(struct door *door, const struct departure *departure)
{
	(void)door;
	assert_memory_equal(departure->data, "reply", 5);
	room.counted[room.asked++] = departure->counted;
	room.to = departure->to;
	room.length = departure->length;
	return room.verdict;
}

static struct socket a_socket;
static struct datagram request;
static struct loss losses[LEDGER_REASONS];
static struct ledger results;
static struct door door;
static struct answer answer;

/* As a worker does. */
static void give(void)
{
	if (answer_may_add(&answer, &request, 5))
		reply_add(answer.replies, &request, 5);
}

static int make(void **state)
{
	(void)state;
	memset(&room, 0, sizeof(room));
	memset(losses, 0, sizeof(losses));
	results = (struct ledger){ 0 };
	memset(&door, 0, sizeof(door));
	atomic_store(&door.looks_closer, true);
	room.verdict = DROP_AMPLIFICATION;
	request = (struct datagram){ 0 };
	assert_int_equal(
		addr_parse("127.0.0.1", 1024, &request.client), 0); /* free, so not counted */
	request.addr_bytes = (uint8_t)addr_length(&request.client);
	answer = (struct answer){
		.door = &door, .results = &results, .losses = losses, .bytes_max = 100, .length = -1
	};
	if (reply_batch_new(100, 100, &answer.replies) < 0)
		return -1;
	answer.replies->sockets = &a_socket;
	strcpy((char *)answer.replies->next_buffer, "reply");
	return 0;
}

static int end(void **state)
{
	(void)state;
	reply_batch_free(answer.replies);
	return 0;
}

static void must_be(
	unsigned sent, unsigned replied, unsigned dropped, unsigned extra, unsigned withheld)
{
	if (answer.replies->count > 0)
		reply_send(answer.replies, &results);
	assert_int_equal(room.sent, sent);
	assert_int_equal(results.replied, replied);
	assert_int_equal(results.dropped[DROP_AMPLIFICATION], dropped);
	assert_int_equal(ledger_dropped(&results), dropped);
	assert_int_equal(results.replies_extra, extra);
	assert_int_equal(atomic_load(&door.withheld), withheld);
	assert_int_equal(losses[DROP_AMPLIFICATION].state == LOSS_THERE, dropped > 0);
}

static void test_given(void **state)
{
	(void)state;
	give();
	assert_ptr_equal(room.to, &request.client);
	assert_int_equal(room.length, 5);
	must_be(0, 0, 1, 0, 0);
	room.verdict = DOOR_PASS;
	give();
	must_be(1, 1, 1, 0, 0);
	assert_false(room.counted[0] || room.counted[1]); /* two requests */
}

/* The first one decides what becomes of the request. */
static void test_at_once(void **state)
{
	(void)state;
	assert_int_equal(answer_now(&answer, &request, "reply", 5), -EDQUOT);
	must_be(0, 0, 1, 0, 0);
	assert_int_equal(answer_now(&answer, &request, "reply", 5), -EDQUOT);
	must_be(0, 0, 1, 0, 1);
	room.verdict = DOOR_PASS;
	assert_int_equal(answer_now(&answer, &request, "reply", 5), 0);
	must_be(1, 0, 1, 1, 1);
	answer_end(&answer, &request);
	assert_int_equal(answer_now(&answer, &request, "reply", 5), 0);
	must_be(2, 1, 1, 1, 1);
	assert_int_equal(room.asked, 4);
	assert_false(room.counted[0] || room.counted[3]);
	assert_true(room.counted[1] && room.counted[2]);
}

static void test_sent_besides(void **state)
{
	const struct departure to_client = { &request, &request.client, "reply", 5,
		answer.counted };
	const union addr other = request.client;
	const struct departure to_other = { &request, &other, "reply", 5, answer.counted };

	(void)state;
	assert_int_equal(answer_may_send(&answer, &to_other), -EDQUOT);
	assert_false(answer.counted);
	must_be(0, 0, 0, 0, 1);
	assert_int_equal(answer_may_send(&answer, &to_client), -EDQUOT);
	assert_true(answer.counted);
	must_be(0, 0, 0, 0, 2);
	room.verdict = DOOR_PASS;
	assert_int_equal(answer_may_send(&answer, &to_other), 0);
	give();
	assert_true(room.counted[3]);
	assert_false(answer.counted); /* the next one's is not */
	must_be(1, 1, 0, 0, 2);
}

/* A busy reply, whose request is in the books already. */
static void test_busy(void **state)
{
	(void)state;
	answer.losses = NULL;
	give();
	must_be(0, 0, 0, 0, 1);
	assert_int_equal(answer_now(&answer, &request, "reply", 5), -EDQUOT);
	assert_int_equal(answer_now(&answer, &request, "reply", 5), -EDQUOT);
	must_be(0, 0, 0, 0, 3);
}

static void test_nothing_set(void **state)
{
	(void)state;
	atomic_store(&door.looks_closer, false);
	give();
	assert_int_equal(answer_now(&answer, &request, "reply", 5), 0);
	assert_int_equal(room.asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_given, make, end),
		cmocka_unit_test_setup_teardown(test_at_once, make, end),
		cmocka_unit_test_setup_teardown(test_sent_besides, make, end),
		cmocka_unit_test_setup_teardown(test_busy, make, end),
		cmocka_unit_test_setup_teardown(test_nothing_set, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
