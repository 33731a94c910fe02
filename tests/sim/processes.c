#include "processes.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "run.h"

#define HEAD_BYTES 16u
#define START_MAX_NS (2 * NS_PER_MS)

struct head {
	uint32_t size;
	uint8_t kind, flags;
	uint16_t meta;
	uint64_t id;
};

static struct random *chance(void)
{
	return &the_run->world.random;
}

static struct process *process_at(int fd, int first)
{
	return &the_run->processes[fd - first];
}

struct process *process_of(const struct child *child)
{
	return &the_run->processes[child->process.pid - 1];
}

void processes_draw(struct random *random, struct sim_children *children)
{
	static const int64_t rooms[] = { 40, 300, 2000, PROCESS_BYTES };
	static const int64_t rarely[] = { 0, 0, 5, 20, 100 };
	static const int64_t lives[] = { 0, 1 * NS_PER_MS, 20 * NS_PER_MS, 500 * NS_PER_MS };
	static const int64_t windows[] = { 1, 2, 5, CHILDREN_WINDOW_MAX, CHILDREN_WINDOW_MAX };
	static const int64_t requests[] = { 0, 0, 1, 30 };

	*children = (struct sim_children){
		.window = (unsigned)RANDOM_OF(random, windows),
		.rerun = random_below(random, 3) > 0,
		.unpaced = random_below(random, 4) > 0,
		.timeout_ms = (unsigned)random_between(random, 5, 100),
		.max_requests = (unsigned)RANDOM_OF(random, requests),
		.room = (unsigned)RANDOM_OF(random, rooms),
		.bad_start_one_in = (unsigned)RANDOM_OF(random, rarely),
		.die_one_in = (unsigned)RANDOM_OF(random, rarely),
		.poison_one_in = (unsigned)RANDOM_OF(random, rarely),
		.stuck_one_in = 10 * (unsigned)RANDOM_OF(random, rarely),
		.stray_one_in = 10 * (unsigned)RANDOM_OF(random, rarely),
		.lives_ns = RANDOM_OF(random, lives),
	};
}

/* --- its end */

static void die(struct process *process, const char *when)
{
	world_trace(&the_run->world, when, process->number, process->talk.count,
		(int64_t)process->said_size);
	process->alive = false;
	process->death_due = true;
	process->plans++;
	world_poke(&the_run->world);
}

static void be_killed(void *context, uint64_t plans)
{
	struct process *process = context;

	if (process->alive && process->kill_ns == (int64_t)plans)
		die(process, "child is killed");
}

/* A place may be another's by then: it has another time. */
void process_kill(struct process *process, int64_t most_ns)
{
	process->kill_ns = the_run->world.now_ns + random_between(chance(), 0, most_ns);
	world_at(&the_run->world, process->kill_ns, be_killed, process, (uint64_t)process->kill_ns);
}

static bool dies(struct process *process, const char *when)
{
	if (random_one_in(chance(), process->like->die_one_in))
		die(process, when);
	return !process->alive;
}

/* --- what it does */

static void act(void *context, uint64_t plans);

static void plan(struct process *process, int64_t after_ns)
{
	process->awake = true;
	world_at(&the_run->world, the_run->world.now_ns + after_ns, act, process, ++process->plans);
}

/* False: the question is not whole yet. */
static bool read_head(const struct process *process, struct head *ret_head)
{
	size_t left = process->asked_size - process->asked_read;

	if (left < HEAD_BYTES)
		return false;
	memcpy(ret_head, &process->asked[process->asked_read], HEAD_BYTES);
	ret_head->size = le32toh(ret_head->size);
	ret_head->meta = le16toh(ret_head->meta);
	ret_head->id = le64toh(ret_head->id);
	return left >= HEAD_BYTES + ret_head->size;
}

/* It was asked what the letter has, from where that came. */
static struct letter *check_question(const struct process *process, const struct head *head)
{
	uint64_t index = head->id - process->talk.first_id;
	const uint8_t *meta = &process->asked[process->asked_read + HEAD_BYTES];
	char client[ADDR_TEXT_MAX];
	struct letter *letter;

	must(index < process->talk.count, "a child is asked %u, which nobody chose",
		(unsigned)head->id);
	letter = &the_run->network.letters[process->talk.letters[index]];
	(void)addr_format(&letter->from, client);
	must(head->kind == FRAME_QUESTION && head->size - head->meta == letter->length &&
			network_is_content(letter, meta + head->meta, letter->length) &&
			memcmp(meta, client, strlen(client)) == 0 && meta[strlen(client)] == '\t',
		"letter %u: a child is asked something else", process->talk.letters[index]);
	return letter;
}

static void say(struct process *process, const void *bytes, size_t size)
{
	must(process->said_size + size <= PROCESS_BYTES, "a child says too much");
	memcpy(&process->said[process->said_size], bytes, size);
	process->said_size += size;
	world_poke(&the_run->world);
}

/* All that it does to a letter is drawn from this, so that each child does the same. */
static struct head draw_answer(const struct letter *letter, ssize_t *ret_outcome)
{
	const struct sim_service *service =
		&the_run->scenario.services[the_run->network.sockets[letter->socket].service];
	struct random random = { the_run->seed ^ letter->content << 32 };
	struct head head = { .kind = FRAME_ANSWER, .size = letter->length };

	*ret_outcome = (ssize_t)letter->length;
	if (random_one_in(&random, service->fail_one_in)) {
		head.kind = FRAME_ERROR;
		*ret_outcome = -EREMOTEIO;
	} else if (random_one_in(&random, service->silent_one_in)) {
		head.kind = FRAME_NO_REPLY;
		head.size = 0;
		*ret_outcome = DGRAM_NO_REPLY;
	}
	return head;
}

static void say_frame(struct process *process, struct head head, const uint8_t *data, size_t end)
{
	uint8_t frame[HEAD_BYTES + SCENARIO_DATA_BYTES];
	size_t size = HEAD_BYTES + head.size;

	head.size = htole32(head.size);
	head.id = htole64(head.id);
	memcpy(frame, &head, HEAD_BYTES);
	memcpy(frame + HEAD_BYTES, data, size - HEAD_BYTES);
	say(process, frame, size < end ? size : end);
}

static void note_said(struct process *process, uint64_t id, ssize_t outcome)
{
	process->utterances[process->utterances_count++] =
		(struct utterance){ process->said_size, id, outcome };
}

static bool answer(struct process *process, const struct head *asked, const struct letter *letter)
{
	const uint8_t *data = &process->asked[process->asked_read + HEAD_BYTES + asked->meta];
	ssize_t outcome;
	struct head head = draw_answer(letter, &outcome);

	if (random_one_in(chance(), process->like->stray_one_in)) {
		say_frame(process, (struct head){ .kind = FRAME_NO_REPLY, .id = asked->id + 1000 },
			data, SIZE_MAX);
		note_said(process, asked->id + 1000, 0);
	}
	head.id = asked->id;
	if (random_one_in(chance(), process->like->die_one_in)) {
		say_frame(process, head, data, 1 + random_below(chance(), HEAD_BYTES - 1));
		die(process, "child dies in an answer");
		return false;
	}
	say_frame(process, head, data, SIZE_MAX);
	note_said(process, asked->id, outcome);
	return true;
}

static void serve(struct process *process, const struct head *head)
{
	const struct letter *letter = check_question(process, head);

	if (process->like->poison_one_in > 0 &&
		letter->content % process->like->poison_one_in == 0) {
		die(process, "child dies of a request");
		return;
	}
	if (dies(process, "child dies within") || !answer(process, head, letter))
		return;
	process->asked_read += HEAD_BYTES + head->size;
	if (!dies(process, "child dies after"))
		plan(process, random_between(chance(), 0, 2 * process->service_ns));
}

static void act(void *context, uint64_t plans)
{
	struct process *process = context;
	struct head head;

	if (!process->alive || process->plans != plans)
		return;
	process->awake = false;
	if (!process->greeted) {
		process->greeted = process->hello_due = true;
		world_poke(&the_run->world);
	} else if (read_head(process, &head) && !dies(process, "child dies before")) {
		process->awake = random_one_in(chance(), process->like->stuck_one_in);
		if (!process->awake)
			serve(process, &head);
	}
}

/* --- its beginning */

int process_start(struct child *child, const struct sim_children *like, int64_t service_ns)
{
	struct process *process = the_run->processes;
	unsigned fate;

	while (process->child != NULL)
		process++;
	must(process < the_run->processes + PROCESSES_MAX, "too many children");
	fate = random_one_in(chance(), like->bad_start_one_in) ? random_below(chance(), 3) : 3;
	if (fate == 0)
		return -EAGAIN;
	memset(process, 0, sizeof(*process));
	process->number = (unsigned)(process - the_run->processes);
	process->child = child;
	process->like = like;
	process->service_ns = service_ns;
	process->alive = true;
	process->plans = the_run->world.steps << 8;
	child->fd = PROCESS_STREAM_FD + (int)process->number;
	child->process = (struct spawned){ (pid_t)process->number + 1,
		PROCESS_PIDFD + (int)process->number };
	world_trace(&the_run->world, "child starts", process->number, fate, 0);
	if (fate == 1)
		process_kill(process, START_MAX_NS);
	else if (fate == 3)
		plan(process, random_between(chance(), 0, START_MAX_NS));
	if (fate > 1 && like->lives_ns > 0)
		process_kill(process, 2 * like->lives_ns);
	return 0;
}

/* --- its stream, as the worker has it */

static size_t room_left(const struct process *process)
{
	size_t waiting = process->asked_size - process->asked_read;

	return waiting < process->like->room ? process->like->room - waiting : 0;
}

short process_poll(const struct pollfd *fd)
{
	const struct process *process;
	int ready = 0;

	if (fd->fd >= PROCESS_PIDFD)
		return process_at(fd->fd, PROCESS_PIDFD)->alive ? 0 : POLLIN;
	process = process_at(fd->fd, PROCESS_STREAM_FD);
	if (process->said_read < process->said_size || !process->alive)
		ready |= POLLIN;
	if (room_left(process) > 0 || !process->alive)
		ready |= POLLOUT;
	return (short)(ready & fd->events);
}

unsigned process_begun(const struct process *process)
{
	size_t at = 0;
	unsigned begun = 0;
	struct head head;

	for (; at < process->asked_size; begun++) {
		if (process->asked_size - at < HEAD_BYTES)
			return begun + 1;
		memcpy(&head, &process->asked[at], HEAD_BYTES);
		at += HEAD_BYTES + le32toh(head.size);
	}
	return begun;
}

/* NOLINTBEGIN(bugprone-reserved-identifier) */
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct process *process = process_at(fd, PROCESS_STREAM_FD);
	size_t room, sent = 0;

	(void)flags;
	world_call(&the_run->world);
	room = room_left(process);
	if (!process->alive || room == 0) {
		errno = process->alive ? EAGAIN : EPIPE;
		return -1;
	}
	if (random_below(chance(), 4) == 0)
		room = 1 + random_below(chance(), (unsigned)room);
	for (size_t i = 0; i < message->msg_iovlen && sent < room; i++) {
		size_t part = message->msg_iov[i].iov_len;

		part = part < room - sent ? part : room - sent;
		must(process->asked_size + part <= PROCESS_BYTES, "a child is asked too much");
		memcpy(&process->asked[process->asked_size], message->msg_iov[i].iov_base, part);
		process->asked_size += part;
		sent += part;
	}
	if (!process->awake)
		plan(process, random_between(chance(), 0, the_run->world.wake_most_ns));
	return (ssize_t)sent;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	struct process *process = process_at(fd, PROCESS_STREAM_FD);
	size_t got;

	(void)flags;
	world_call(&the_run->world);
	got = process->said_size - process->said_read;
	if (got == 0 && process->alive) {
		errno = EAGAIN;
		return -1;
	}
	if (got == 0 && !process->reset && process->asked_read < process->asked_size) {
		process->reset = true;
		errno = ECONNRESET;
		return -1;
	}
	got = got < size ? got : size;
	if (got > 1 && random_below(chance(), 4) == 0)
		got = 1 + random_below(chance(), (unsigned)got);
	memcpy(buffer, &process->said[process->said_read], got);
	process->said_read += got;
	watch_heard(process);
	return (ssize_t)got;
}
/* NOLINTEND(bugprone-reserved-identifier) */
