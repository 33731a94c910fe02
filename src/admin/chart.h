/* A minute as a line: inline SVG, which takes its colour from the text around it. */
#ifndef ADMIN_CHART_H
#define ADMIN_CHART_H

#include "admin/history.h"
#include "admin/html.h"

/* Thread: any. */
void chart_put(FILE *file, const char *title, const struct history_minute *minute,
	enum history_figure which);

#endif
