#include "admin/page.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin/chart.h"
#include "admin/offspring.h"
#include "admin/view.h"
#include "base/clock.h"
#include "base/sys.h"

static void put_uptime(FILE *file, int64_t seconds)
{
	if (seconds < 60)
		(void)fprintf(file, "%lld s", (long long)seconds);
	else if (seconds < 3600)
		(void)fprintf(file, "%lld min", (long long)seconds / 60);
	else if (seconds < 48 * 3600LL)
		(void)fprintf(file, "%lld h %lld min", (long long)seconds / 3600,
			(long long)seconds / 60 % 60);
	else
		(void)fprintf(file, "%lld days", (long long)seconds / 86400);
}

static void put_state(FILE *file, struct admin *admin, const struct admin_state *state)
{
	const char *why = view_why_not_ready(state);

	(void)fprintf(file, "<p class=\"state\"><strong class=\"%s\">%s</strong> ",
		why == NULL ? "good" : "bad", why == NULL ? "ready" : "not ready");
	if (why != NULL) {
		html_text(file, why);
		if (state->waiting[0] != '\0')
			(void)fputs(": ", file);
		html_text(file, state->waiting);
		(void)fputs("; ", file);
	} else if (state->waiting[0] != '\0') {
		(void)fputs("but waits for ", file);
		html_text(file, state->waiting);
		(void)fputs("; ", file);
	}
	(void)fprintf(file, "pid %d, up ", getpid());
	put_uptime(file, (sys_monotonic_ns() - admin->started_ns) / NS_PER_S);
	(void)fprintf(file, ", configuration %u%s</p>\n", 1 + state->reloads,
		state->reload_refused
			? ", <strong class=\"bad\">the last reload was refused</strong>"
			: "");
}

static void put_minute(FILE *file, struct admin *admin)
{
	struct history_minute minute;

	history_read(admin->history, &minute);
	(void)fputs("<section><h2>The last minute</h2><div class=\"charts\">\n", file);
	chart_put(file, "received / s", &minute, HISTORY_RECEIVED);
	chart_put(file, "replied / s", &minute, HISTORY_REPLIED);
	chart_put(file, "dropped / s", &minute, HISTORY_DROPPED);
	chart_put(file, "handlers\xe2\x80\x99 p99", &minute, HISTORY_P99_NS);
	(void)fputs("</div></section>\n", file);
}

static void put_page(FILE *file, struct admin *admin)
{
	struct admin_state state = admin_read(admin);

	(void)fprintf(file,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><title>dgramd</title>"
		"<link rel=\"icon\" href=\"/favicon.ico\"><link rel=\"stylesheet\" href=\"/page.css\">"
		"<script src=\"/page.js\" defer></script></head>\n<body>"
		"<header><h1>dgramd <small>%s</small></h1><p id=\"again\"><a href=\"/\">Reload</a></p>"
		"</header>\n<main>\n",
		dgram_version());
	put_state(file, admin, &state);
	put_minute(file, admin);
	page_put_workers(file, admin);
	page_put_services(file, admin, &state);
	page_put_drops(file, admin);
	offspring_put(file, admin);
	(void)fputs("</main></body></html>\n", file);
}

void page_view(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	FILE *file = open_memstream(&answer->body, &answer->length);

	(void)number;
	answer->status = 200;
	answer->type = "text/html; charset=utf-8";
	if (file == NULL)
		return;
	put_page(file, admin);
	if (fclose(file) != 0) {
		free(answer->body);
		answer->body = NULL;
	}
}
