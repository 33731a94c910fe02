/* The page for people: what the server does, on one screen. The server makes all of it; the script only fetches it
 * again. It names no client, because TCP offers it, too. Thread: any. */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include "admin/endpoint.h"

void page_view(struct admin *admin, unsigned long number, struct admin_answer *answer);

/* page_files.c: what it refers to. */
void page_style(struct admin *admin, unsigned long number, struct admin_answer *answer);
void page_script(struct admin *admin, unsigned long number, struct admin_answer *answer);
void page_icon(struct admin *admin, unsigned long number, struct admin_answer *answer);

/* page_tables.c: services with their queues; workers; drops with advice. */
void page_put_services(FILE *file, struct admin *admin, const struct admin_state *state);
void page_put_workers(FILE *file, struct admin *admin);
void page_put_drops(FILE *file, struct admin *admin);

#endif
