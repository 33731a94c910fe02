/* Devices send "name value" to one service; whoever asks the other for a name gets its newest value. */
#include <dgramd.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 1000

/* What both handlers share. */
static struct reading {
	char name[32];
	char value[64];
} readings[NAMES_MAX];
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static atomic_size_t most; /* the option `names` */

/* Called with the lock. */
static struct reading *find(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(readings[i].name, name) == 0)
			return &readings[i];
	return NULL;
}

static int store(const struct reading *new)
{
	struct reading *reading;
	int error = 0;

	pthread_mutex_lock(&lock);
	reading = find(new->name);
	if (reading == NULL && count < atomic_load(&most))
		reading = &readings[count++];
	if (reading == NULL)
		error = -ENOSPC;
	else
		*reading = *new;
	pthread_mutex_unlock(&lock);
	return error;
}

/* What it returns stands in the books: no_reply, or failed_handler. */
static ssize_t put(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	struct reading new = { 0 };
	char text[sizeof(new)];
	int error;

	(void)state, (void)reply, (void)size;
	snprintf(text, sizeof(text), "%.*s", (int)request->length, (const char *)request->data);
	if (sscanf(text, "%31s %63s", new.name, new.value) != 2)
		return -EINVAL;
	error = store(&new);
	return error < 0 ? error : DGRAM_NO_REPLY;
}

static ssize_t get(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct reading *reading;
	ssize_t length = DGRAM_NO_REPLY;
	char name[sizeof(reading->name)];

	(void)state;
	snprintf(name, sizeof(name), "%.*s", (int)request->length, (const char *)request->data);
	pthread_mutex_lock(&lock);
	reading = find(name);
	if (reading != NULL)
		length = snprintf(reply, size, "%s", reading->value);
	pthread_mutex_unlock(&lock);
	return length;
}

/* At the start, and at each reload that changes it. */
static int take_most(void *state, const struct dgram_start *start)
{
	(void)state;
	atomic_store(&most, (size_t)start->values[0].number);
	return 0;
}

static int open_put(void *context, const struct dgram_start *start, void **ret_state)
{
	(void)ret_state;
	return take_most(context, start);
}

static const struct dgram_parameter put_parameters[] = {
	{ "names", DGRAM_WHOLE, .minimum = 1, .maximum = NAMES_MAX, .initial = 100,
		.sentence = "How many names there may be.", .live = true },
};

static const struct dgram_handler putter = {
	.abi = DGRAM_ABI,
	.name = "put",
	.handle = put,
	.open = open_put,
	.reconfigure = take_most,
	.parameters = put_parameters,
	.parameters_count = 1,
};
static const struct dgram_handler getter = { .abi = DGRAM_ABI, .name = "get", .handle = get };

int main(int argc, char **argv)
{
	static const struct dgram_handler *const handlers[] = { &putter, &getter, NULL };

	return dgram_main(argc, argv, handlers);
}
