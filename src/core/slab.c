#include "core/slab.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/lock.h"

#define SLOT_ALIGN 64u

/* A piece of address space, cut into slots from its beginning as they are first needed. */
struct chunk {
	struct chunk *next;
	unsigned char *memory;
	size_t bytes;
	unsigned slots;
	unsigned used;
};

struct slab {
	size_t data_bytes, slot_bytes;
	struct lock lock;
	/* under the lock */
	struct datagram *free; /* a stack */
	struct chunk *chunks;
	size_t bytes;
	unsigned slots;
	unsigned taken;
};

static int chunk_new(size_t slot_bytes, unsigned slots, struct chunk **ret_chunk)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));

	if (chunk == NULL)
		return -ENOMEM;
	chunk->slots = slots;
	chunk->bytes = slot_bytes * slots;
	chunk->memory = mmap(NULL, chunk->bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (chunk->memory == MAP_FAILED) {
		free(chunk);
		return -ENOMEM;
	}
	/* A huge page would make 2 MiB resident for the first byte. */
	(void)madvise(chunk->memory, chunk->bytes, MADV_NOHUGEPAGE);
	*ret_chunk = chunk;
	return 0;
}

int slab_new(unsigned slots, size_t data_bytes, struct slab **ret_slab)
{
	struct slab *slab = calloc(1, sizeof(*slab));
	int error;

	if (slab == NULL)
		return -ENOMEM;
	lock_init(&slab->lock);
	slab->data_bytes = data_bytes;
	slab->slot_bytes =
		(sizeof(struct datagram) + data_bytes + SLOT_ALIGN - 1) / SLOT_ALIGN * SLOT_ALIGN;
	error = slab_grow(slab, slots);
	if (error < 0) {
		slab_free(slab);
		return error;
	}
	*ret_slab = slab;
	return 0;
}

void slab_free(struct slab *slab)
{
	if (slab == NULL)
		return;
	assert(slab->taken == 0);
	while (slab->chunks != NULL) {
		struct chunk *chunk = slab->chunks;

		slab->chunks = chunk->next;
		munmap(chunk->memory, chunk->bytes);
		free(chunk);
	}
	lock_destroy(&slab->lock);
	free(slab);
}

int slab_grow(struct slab *slab, unsigned slots)
{
	struct chunk *chunk;
	int error = chunk_new(slab->slot_bytes, slots, &chunk);

	if (error < 0)
		return error;
	lock_take(&slab->lock);
	chunk->next = slab->chunks;
	slab->chunks = chunk;
	slab->slots += slots;
	slab->bytes += chunk->bytes;
	lock_release(&slab->lock);
	return 0;
}

/* A slot that was never used, from the newest chunk that has one. */
static struct datagram *cut_slot(struct slab *slab)
{
	struct chunk *chunk = slab->chunks;

	while (chunk->used == chunk->slots)
		chunk = chunk->next;
	return (struct datagram *)(void *)(chunk->memory + slab->slot_bytes * chunk->used++);
}

void slab_take(struct slab *slab, unsigned count, struct datagram *ret_slots[])
{
	lock_take(&slab->lock);
	assert(count <= slab->slots - slab->taken);
	slab->taken += count;
	for (unsigned i = 0; i < count; i++) {
		struct datagram *slot = slab->free;

		if (slot != NULL)
			slab->free = slot->next;
		else
			slot = cut_slot(slab);
		ret_slots[i] = slot;
	}
	lock_release(&slab->lock);
}

void slab_give(struct slab *slab, struct datagram_list *from)
{
	if (from->count == 0)
		return;
	lock_take(&slab->lock);
	assert(from->count <= slab->taken);
	slab->taken -= from->count;
	from->last->next = slab->free;
	slab->free = from->first;
	lock_release(&slab->lock);
	*from = (struct datagram_list){ 0 };
}

size_t slab_data_bytes(const struct slab *slab)
{
	return slab->data_bytes;
}

size_t slab_bytes(struct slab *slab)
{
	size_t bytes;

	lock_take(&slab->lock);
	bytes = slab->bytes;
	lock_release(&slab->lock);
	return bytes;
}
