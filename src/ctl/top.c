#include "ctl/top.h"

#include <curses.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/json.h"
#include "ctl/rows.h"
#include "ctl/show.h"

#define REFRESH_MS 1000

/* A worker in one batch for longer is shown in bold red. */
#define LONG_US 1e6

#define HEAD_LINES 4

/* All fit into 80 columns; the service has what they leave. */
static const int widths[ROWS_COLUMNS] = { 6, 5, 0, 8, 6, 9, 6, 4, 8, 8 };

#define SERVICE_MIN 11
#define SERVICE_MAX 31

struct look {
	cJSON *status, *workers;
	double at_s;
};

struct top {
	const struct ctl_options *options;
	struct look before, now;
	enum rows_column by;
	bool reversed, paused;
	int first; /* row that is shown */
};

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void forget_look(struct look *look)
{
	cJSON_Delete(look->status);
	cJSON_Delete(look->workers);
	*look = (struct look){ 0 };
}

/* What was now is before, but until there are two looks. */
static int look_again(struct top *top)
{
	struct look look = { .at_s = now_s() };
	int status = ask_json(top->options, "/workers", &look.workers);

	if (status == EX_OK)
		status = ask_json(top->options, "/status", &look.status);
	if (status != EX_OK) {
		forget_look(&look);
		return status;
	}
	forget_look(&top->before);
	top->before = top->now;
	top->now = look;
	return EX_OK;
}

/* --- what it shows */

static double growth_rate(const struct top *top, const char *name, double seconds)
{
	double more = show_sum(cJSON_GetObjectItem(top->now.status, "services"), name) -
		      show_sum(cJSON_GetObjectItem(top->before.status, "services"), name);

	return top->before.status != NULL && more > 0 ? more / seconds : 0;
}

static void draw_head(const struct top *top, double seconds)
{
	const cJSON *status = top->now.status, *services = cJSON_GetObjectItem(status, "services");
	bool ready = cJSON_IsTrue(cJSON_GetObjectItem(status, "ready"));
	char up[24];

	mvprintw(0, 0, "dgramd %s, pid %.0f, up %s, %s%s", json_text_of(status, "version"),
		json_number_of(status, "pid"), show_uptime(json_number_of(status, "uptime_s"), up),
		ready ? "ready" : "not ready: ", ready ? "" : json_text_of(status, "not_ready"));
	if (top->paused)
		printw("  [paused]");
	mvprintw(1, 0, "in a second: received %.0f, replied %.0f, dropped %.0f, failed %.0f",
		growth_rate(top, "received", seconds), growth_rate(top, "replied", seconds),
		growth_rate(top, "dropped_", seconds), growth_rate(top, "failed_", seconds));
	mvprintw(2, 0,
		"waiting %.0f, workers %.0f of %.0f busy    < > sort  r reverse  p pause  q quit",
		show_sum(services, "queued"), json_number_of(status, "workers_busy"),
		json_number_of(status, "workers"));
}

static int width_of(enum rows_column column)
{
	int left = SERVICE_MIN + COLS - 80;

	if (column != ROWS_SERVICE)
		return widths[column];
	return left < SERVICE_MIN ? SERVICE_MIN : left > SERVICE_MAX ? SERVICE_MAX : left;
}

/* What does not fit whole is not shown, because a part of a number is another number. */
static void draw_cell(int line, int *x, enum rows_column column, const char *text)
{
	int width = width_of(column);

	if (*x + width <= COLS)
		mvprintw(line, *x, "%*.*s", column < ROWS_FOR ? -width : width, width, text);
	*x += width + 1;
}

static void draw_titles(const struct top *top)
{
	int x = 0;

	mvhline(HEAD_LINES - 1, 0, ' ' | A_REVERSE, COLS);
	for (enum rows_column i = 0; i < ROWS_COLUMNS; i++) {
		attrset(i == top->by ? A_REVERSE | A_BOLD : A_REVERSE);
		draw_cell(HEAD_LINES - 1, &x, i, rows_titles[i]);
	}
	attrset(A_NORMAL);
}

/* 1234567, or 1234k where that is too long. */
static const char *number_text(double value, int width, char text[static 24])
{
	static const char *const units[] = { "", "k", "M", "G", "T" };

	for (size_t unit = 0; unit < sizeof(units) / sizeof(units[0]); unit++) {
		if (snprintf(text, 24, "%.0f%s", value, units[unit]) <= width)
			break;
		value /= 1e3;
	}
	return text;
}

static const char *cell_text(const struct row *row, enum rows_column column, char text[static 24])
{
	bool lasts = column == ROWS_P50 || column == ROWS_P99;

	if (column < ROWS_RATE)
		return row->text[column];
	if (lasts && row->value[ROWS_REQUESTS] == 0)
		return "-";
	if (lasts)
		return show_duration(row->value[column], text);
	if (column != ROWS_BUSY)
		return number_text(row->value[column], widths[column], text);
	(void)snprintf(text, 24, "%.0f%%", 100 * row->value[column]);
	return text;
}

static void draw_row(int line, const struct row *row)
{
	char text[24];
	int x = 0;

	for (enum rows_column i = 0; i < ROWS_COLUMNS; i++)
		draw_cell(line, &x, i, cell_text(row, i, text));
}

static void draw_rows(struct top *top, double seconds)
{
	size_t count;
	struct row *rows = rows_make(top->before.workers, top->now.workers, seconds, &count);
	int most = (int)count - (LINES - HEAD_LINES);

	rows_sort(rows, count, top->by, top->reversed);
	if (top->first > most)
		top->first = most;
	if (top->first < 0)
		top->first = 0;
	for (int i = top->first; i < (int)count && i - top->first < LINES - HEAD_LINES; i++) {
		attrset(rows[i].value[ROWS_FOR] >= LONG_US ? A_BOLD | COLOR_PAIR(1) : A_NORMAL);
		draw_row(HEAD_LINES + i - top->first, &rows[i]);
	}
	attrset(A_NORMAL);
	free(rows);
}

static void draw(struct top *top)
{
	double seconds = top->now.at_s - top->before.at_s;

	erase();
	draw_head(top, seconds);
	draw_titles(top);
	draw_rows(top, seconds);
	refresh();
}

/* --- keys */

static void sort_beside(struct top *top, int step)
{
	top->by = (enum rows_column)(((int)top->by + ROWS_COLUMNS + step) % ROWS_COLUMNS);
}

/* False: it is to end. */
static bool obey_key(struct top *top, int key)
{
	switch (key) {
	case 'q':
		return false;
	case '<':
	case KEY_LEFT:
		sort_beside(top, -1);
		return true;
	case '>':
	case KEY_RIGHT:
		sort_beside(top, 1);
		return true;
	case KEY_UP:
		top->first--;
		return true;
	case KEY_DOWN:
		top->first++;
		return true;
	case 'r':
		top->reversed = !top->reversed;
		return true;
	case 'p':
		top->paused = !top->paused;
		return true;
	default:
		return true;
	}
}

/* Drawn after each key, and each second looked at again. */
static int keep_watch(struct top *top)
{
	int status = EX_OK;
	double due_s = now_s() + REFRESH_MS / 1e3;

	while (status == EX_OK) {
		int left_ms = (int)((due_s - now_s()) * 1e3);

		draw(top);
		timeout(left_ms > 0 ? left_ms : 0);
		if (!obey_key(top, getch()))
			break;
		if (now_s() < due_s)
			continue;
		due_s = now_s() + REFRESH_MS / 1e3;
		if (!top->paused)
			status = look_again(top);
	}
	return status;
}

static bool begin_screen(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || newterm(NULL, stdout, stdin) == NULL)
		return false;
	(void)setvbuf(stderr, NULL, _IOFBF, BUFSIZ); /* what it says is to outlast the screen */
	cbreak(); /* and Ctrl-C ends it at any time, by the library's own handler */
	(void)signal(SIGQUIT, SIG_IGN); /* for Ctrl-\ it has no handler */
	noecho();
	keypad(stdscr, TRUE);
	(void)curs_set(0);
	start_color();
	use_default_colors();
	init_pair(1, COLOR_RED, -1);
	return true;
}

int top(const struct ctl_options *options)
{
	struct top top = { .options = options };
	int status = look_again(&top);

	if (status == EX_OK && !begin_screen()) {
		(void)fprintf(stderr, "dgramctl: error: top needs a terminal; see workers\n");
		status = EX_USAGE;
	} else if (status == EX_OK) {
		status = keep_watch(&top);
		endwin();
	}
	forget_look(&top.before);
	forget_look(&top.now);
	return status;
}
