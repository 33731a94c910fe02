/* What the guard of a server counts and remembers, in fixed memory: a page that nothing came to takes none. */
#ifndef GUARD_TABLES_H
#define GUARD_TABLES_H

#include "guard/cap.h"
#include "guard/loops.h"
#include "guard/meters.h"

struct tables {
	struct cap cap;
	struct loops loops;
	struct meters meters;
};

/* With keys that nobody can know. -ENOMEM. */
int tables_new(struct tables **ret_tables);

/* NULL is fine. */
void tables_free(struct tables *tables);

#endif
