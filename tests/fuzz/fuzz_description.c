/* What a plug-in's child says of it: a description that is sound is written so that it reads back the same. */
/* parses: process/description */
#include "input.h"

#include <stdio.h>

#include "process/description.h"

static char *write_it(const struct dgram_handler *handler)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert(file);
	description_write(handler, file);
	must(fclose(file) == 0);
	return text;
}

static void check_handler(const struct dgram_handler *handler)
{
	char reply[8], *first = write_it(handler), *second;
	struct dgram_handler *again = description_read(first);

	must(again != NULL && strcmp(again->name, handler->name) == 0);
	must(again->parameters_count == handler->parameters_count);
	second = write_it(again);
	must(strcmp(first, second) == 0);
	must(handler->handle(NULL, NULL, reply, sizeof(reply)) < 0);
	must(handler->reconfigure(NULL, NULL) < 0);
	description_free(again);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct dgram_handler *handler;

	assert(text);
	handler = description_read(text);
	if (handler != NULL)
		check_handler(handler);
	description_free(handler);
	free(text);
	return 0;
}
