#include "guard/tables.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/sys.h"

int tables_new(struct tables **ret_tables)
{
	struct tables *tables = mmap(NULL, sizeof(*tables), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (tables == MAP_FAILED)
		return -ENOMEM;
	sys_random(tables->cap.keys, sizeof(tables->cap.keys));
	sys_random(&tables->loops.keys, sizeof(tables->loops.keys));
	sys_random(tables->meters.keys, sizeof(tables->meters.keys));
	*ret_tables = tables;
	return 0;
}

void tables_free(struct tables *tables)
{
	if (tables != NULL)
		munmap(tables, sizeof(*tables));
}
