#include "admin/library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY_ROW(name) { #name, offsetof(struct library, name) },
static const struct {
	const char *name;
	size_t offset;
} functions[] = { LIBRARY_FUNCTIONS(LIBRARY_ROW) };
#undef LIBRARY_ROW

static struct library library;
static bool loaded;

const struct library *library_load(const char **ret_why)
{
	void *handle;

	if (loaded)
		return &library;
	handle = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; handle != NULL && i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *symbol = dlsym(handle, functions[i].name);

		if (symbol == NULL) {
			*ret_why = functions[i].name;
			return NULL;
		}
		memcpy((char *)&library + functions[i].offset, &symbol, sizeof(symbol));
	}
	loaded = handle != NULL;
	if (!loaded)
		*ret_why = dlerror();
	return loaded ? &library : NULL;
}
