#include "process/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define LINE 64u

static size_t whole_lines(size_t bytes)
{
	return (bytes + LINE - 1) / LINE * LINE;
}

static size_t longest_call(size_t reply_bytes)
{
	return reply_bytes > DGRAM_DATAGRAM_BYTES_MAX ? reply_bytes : DGRAM_DATAGRAM_BYTES_MAX;
}

size_t shared_bytes(size_t request_bytes, size_t reply_bytes)
{
	return sizeof(struct shared_page) +
	       SHARED_WINDOW * (whole_lines(request_bytes) + whole_lines(reply_bytes)) +
	       longest_call(reply_bytes);
}

size_t shared_call_bytes(const struct shared *shared)
{
	return longest_call(shared->reply_bytes);
}

void *shared_request(const struct shared *shared, unsigned index)
{
	return shared->page->data + index * whole_lines(shared->request_bytes);
}

void *shared_reply(const struct shared *shared, unsigned index)
{
	return shared->page->data + SHARED_WINDOW * whole_lines(shared->request_bytes) +
	       index * whole_lines(shared->reply_bytes);
}

void *shared_call_data(const struct shared *shared)
{
	return shared_reply(shared, SHARED_WINDOW);
}

static int map(struct shared *shared, int fd, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	shared->page = memory;
	return 0;
}

/* Whoever has it can neither cut it nor execute it. */
static int make_memory(struct shared *shared, size_t bytes)
{
	int fd = memfd_create("dgram", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("dgram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	shared->fds[0] = fd;
	if (ftruncate(fd, (off_t)bytes) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return map(shared, fd, bytes);
}

/* Whatever flags the child has given it, this does not wait. */
static int read_rings(const struct shared *shared)
{
	eventfd_t rings;
	const struct iovec vector = { &rings, sizeof(rings) };

	return preadv2(shared->fds[1], &vector, 1, -1, RWF_NOWAIT) < 0 ? -errno : 0;
}

/* Linux reads an eventfd without waiting since 5.8; one that cannot be read would ring for ever. */
static int make_bell(struct shared *shared)
{
	int error;

	shared->fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (shared->fds[1] < 0)
		return -errno;
	error = read_rings(shared);
	return error == -EAGAIN ? 0 : error;
}

int shared_new(struct shared *shared, size_t request_bytes, size_t reply_bytes)
{
	int error;

	*shared = (struct shared){ NULL, request_bytes, reply_bytes, { -1, -1 } };
	error = make_memory(shared, shared_bytes(request_bytes, reply_bytes));
	if (error == 0)
		error = make_bell(shared);
	if (error < 0) {
		shared_free(shared);
		return error;
	}
	shared->page->request_bytes = (uint32_t)request_bytes;
	shared->page->reply_bytes = (uint32_t)reply_bytes;
	return 0;
}

int shared_attach(struct shared *shared)
{
	off_t bytes = lseek(SHARED_MEMORY, 0, SEEK_END);
	int error = bytes < 0 ? -errno : map(shared, SHARED_MEMORY, (size_t)bytes);

	if (error < 0)
		return error;
	shared->request_bytes = shared->page->request_bytes;
	shared->reply_bytes = shared->page->reply_bytes;
	for (int i = 0; i < SHARED_FDS; i++) {
		shared->fds[i] = SHARED_MEMORY + i;
		(void)fcntl(shared->fds[i], F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

void shared_free(struct shared *shared)
{
	if (shared->page != NULL)
		(void)munmap(
			shared->page, shared_bytes(shared->request_bytes, shared->reply_bytes));
	for (int i = 0; i < SHARED_FDS; i++)
		if (shared->fds[i] > 0)
			close(shared->fds[i]);
	*shared = (struct shared){ 0 };
}

bool shared_is_called(const struct shared *shared)
{
	return atomic_load_explicit(&shared->page->calling, memory_order_acquire) != 0;
}

const char *shared_hear(const struct shared *shared, struct shared_said *ret_said)
{
	struct shared_call *call = &shared->page->call;
	uint32_t kind = atomic_load(&call->kind), level = atomic_load(&call->level);
	uint32_t length = atomic_load(&call->length), to_length = atomic_load(&call->to_length);

	if (kind > HANDLER_CALL_LOG || level > DGRAM_LOG_DEBUG)
		return "asked for what there is not";
	if (length > shared_call_bytes(shared) || to_length > sizeof(call->to))
		return "claimed to have written more than there is room for";
	ret_said->call = (struct handler_call){
		.kind = (enum handler_call_kind)kind,
		.level = (enum dgram_log_level)level,
		.event = ret_said->event,
		.to = &ret_said->to.sa,
		.to_length = to_length,
		.data = shared_call_data(shared),
		.length = length,
	};
	ret_said->to = call->to;
	memcpy(ret_said->event, call->event, SHARED_EVENT_MAX);
	ret_said->event[SHARED_EVENT_MAX - 1] = '\0';
	return NULL;
}

void shared_answer(const struct shared *shared, int result)
{
	shared->page->call.result = result;
	atomic_store_explicit(&shared->page->calling, 0, memory_order_release);
}

void shared_ring(int stream)
{
	(void)send(stream, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void shared_tell(const struct shared *shared)
{
	(void)eventfd_write(shared->fds[1], 1);
}

void shared_hush(const struct shared *shared)
{
	while (read_rings(shared) == -EINTR)
		;
}
