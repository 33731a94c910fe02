#include "process/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_inherited(const char *text)
{
	static const char *const kept[] = { "PATH=", "HOME=", "TZ=", "LANG=", "LC_", NULL };
	const char *const *each = kept;

	while (*each != NULL && strncmp(text, *each, strlen(*each)) != 0)
		each++;
	return *each != NULL;
}

char **environment_new(size_t more, size_t *ret_count)
{
	size_t count = 0, bytes = 0;
	char **made, *text;

	for (char **each = environ; *each != NULL; each++) {
		count += is_inherited(*each);
		bytes += is_inherited(*each) ? strlen(*each) + 1 : 0;
	}
	made = calloc(1, (count + more + 1) * sizeof(*made) + bytes);
	if (made == NULL)
		return NULL;
	*ret_count = 0;
	text = (char *)&made[count + more + 1];
	for (char **each = environ; *each != NULL; each++) {
		if (!is_inherited(*each))
			continue;
		made[(*ret_count)++] = text;
		text = stpcpy(text, *each) + 1;
	}
	return made;
}
