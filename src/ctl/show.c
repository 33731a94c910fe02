#include "ctl/show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/json.h"

const char *show_duration(double us, char text[static 24])
{
	if (us < 999.5)
		(void)snprintf(text, 24, "%.0f us", us);
	else if (us < 999950)
		(void)snprintf(text, 24, "%.1f ms", us / 1e3);
	else
		(void)snprintf(text, 24, "%.0f s", us / 1e6);
	return text;
}

/* --- status */

const char *show_uptime(double seconds, char text[static 24])
{
	long minutes = (long)seconds / 60;

	if (minutes < 1)
		(void)snprintf(text, 24, "%.0f s", seconds);
	else if (minutes < 60)
		(void)snprintf(text, 24, "%ld min", minutes);
	else if (minutes < 2880)
		(void)snprintf(text, 24, "%ld h %ld min", minutes / 60, minutes % 60);
	else
		(void)snprintf(text, 24, "%ld days", minutes / 1440);
	return text;
}

double show_sum(const cJSON *services, const char *name)
{
	const cJSON *service, *figure;
	size_t length = strlen(name);
	double sum = 0;

	cJSON_ArrayForEach(service, services)
	{
		cJSON_ArrayForEach(figure, service)
		{
			if (name[length - 1] == '_' ? strncmp(figure->string, name, length) == 0
						    : strcmp(figure->string, name) == 0)
				sum += cJSON_IsNumber(figure) ? figure->valuedouble : 0;
		}
	}
	return sum;
}

static void print_service_list(const cJSON *services)
{
	const cJSON *service, *address;
	const char *comma = "";

	cJSON_ArrayForEach(service, services)
	{
		const char *blank = "";

		(void)printf("%s%s (", comma, json_text_of(service, "name"));
		cJSON_ArrayForEach(address, cJSON_GetObjectItem(service, "addresses"))
		{
			(void)printf("%s%s", blank, cJSON_GetStringValue(address));
			blank = " ";
		}
		(void)printf(")");
		comma = ", ";
	}
}

void show_status(const cJSON *status)
{
	const cJSON *config = cJSON_GetObjectItem(status, "config");
	const cJSON *services = cJSON_GetObjectItem(status, "services");
	const char *last = json_text_of(config, "last_reload");
	const char *why = json_text_of(status, "not_ready"),
		   *waiting = json_text_of(status, "waiting_for");
	bool ready = cJSON_IsTrue(cJSON_GetObjectItem(status, "ready"));
	char up[24];

	(void)printf("dgramd %s, pid %.0f, up %s, %s%s%s%s\n", json_text_of(status, "version"),
		json_number_of(status, "pid"), show_uptime(json_number_of(status, "uptime_s"), up),
		ready ? "ready" : "not ready: ", ready ? "" : why,
		waiting[0] == '-' ? ""
		: ready		  ? ", but waits for "
				  : ": ",
		waiting[0] != '-' ? waiting : "");
	(void)printf("services: ");
	print_service_list(services);
	(void)printf("; workers: %.0f of %.0f busy; configuration: %.0f",
		json_number_of(status, "workers_busy"), json_number_of(status, "workers"),
		json_number_of(config, "generation"));
	if (last[0] != '-')
		(void)printf(", reload of %s %s", last,
			cJSON_IsTrue(cJSON_GetObjectItem(config, "last_reload_successful"))
				? "in force"
				: "refused");
	(void)printf("\nreceived %.0f, replied %.0f, no reply %.0f, waiting %.0f, running %.0f\n",
		show_sum(services, "received"), show_sum(services, "replied"),
		show_sum(services, "no_reply"), show_sum(services, "queued"),
		show_sum(services, "running"));
	(void)printf("dropped %.0f, of them by the kernel %.0f, failed %.0f, log lines lost %.0f\n",
		show_sum(services, "dropped_"), show_sum(services, "dropped_by_kernel"),
		show_sum(services, "failed_"),
		json_number_of(cJSON_GetArrayItem(services, 0), "log_lines_lost"));
}

/* --- workers */

/* Nothing is measured without a call. */
static const char *show_quantile(const cJSON *worker, const char *key, char text[static 24])
{
	if (json_number_of(worker, "requests") == 0)
		return "-";
	return show_duration(json_number_of(worker, key), text);
}

void show_workers(const cJSON *workers)
{
	const cJSON *worker;

	(void)printf("%-6s %-5s %-16s %10s %12s %8s %6s %10s %10s\n", "THREAD", "STATE", "SERVICE",
		"FOR", "REQUESTS", "ERRORS", "BUSY", "P50", "P99");
	cJSON_ArrayForEach(worker, cJSON_GetObjectItem(workers, "workers"))
	{
		char since[24] = "-", p50[24], p99[24];

		if (json_number_of(worker, "busy_for_us") > 0)
			(void)show_duration(json_number_of(worker, "busy_for_us"), since);
		(void)printf("%-6s %-5s %-16s %10s %12.0f %8.0f %5.1f%% %10s %10s\n",
			json_text_of(worker, "thread"), json_text_of(worker, "state"),
			json_text_of(worker, "service"), since, json_number_of(worker, "requests"),
			json_number_of(worker, "errors"),
			100 * json_number_of(worker, "busy_share"),
			show_quantile(worker, "service_p50_us", p50),
			show_quantile(worker, "service_p99_us", p99));
	}
}

/* --- drops */

/* The same reason of the same service; 0: there was none. */
static double count_before(const cJSON *before, const cJSON *drop)
{
	const cJSON *each;

	cJSON_ArrayForEach(each, cJSON_GetObjectItem(before, "drops"))
	{
		if (strcmp(json_text_of(each, "service"), json_text_of(drop, "service")) == 0 &&
			strcmp(json_text_of(each, "reason"), json_text_of(drop, "reason")) == 0)
			return json_number_of(each, "count");
	}
	return 0;
}

void show_drops(const cJSON *before, const cJSON *now)
{
	double seconds =
		(json_number_of(now, "uptime_us") - json_number_of(before, "uptime_us")) / 1e6;
	const cJSON *drop, *drops = cJSON_GetObjectItem(now, "drops");

	if (cJSON_GetArraySize(drops) == 0) {
		(void)printf("nothing was dropped\n");
		return;
	}
	(void)printf("%-16s %-28s %12s %8s  %s\n", "SERVICE", "REASON", "COUNT", "PER_S", "ADVICE");
	cJSON_ArrayForEach(drop, drops)
	{
		double more = json_number_of(drop, "count") - count_before(before, drop);

		(void)printf("%-16s %-28s %12.0f %8.0f  %s\n", json_text_of(drop, "service"),
			json_text_of(drop, "reason"), json_number_of(drop, "count"),
			seconds > 0 ? more / seconds : 0, json_text_of(drop, "advice"));
	}
}

/* --- talkers */

static void print_list(const cJSON *service, const char *key, const char *title)
{
	const cJSON *talker;

	(void)printf("%s, %s\n%-44s %12s %12s\n", json_text_of(service, "name"), title, "SOURCE",
		"REQUESTS", "TIME");
	cJSON_ArrayForEach(talker, cJSON_GetObjectItem(service, key))
	{
		char time[24];

		(void)printf("%-44s %12.0f %12s\n", json_text_of(talker, "source"),
			json_number_of(talker, "requests"),
			show_duration(json_number_of(talker, "busy_us"), time));
	}
}

void show_talkers(const cJSON *talkers)
{
	const cJSON *service;

	cJSON_ArrayForEach(service, cJSON_GetObjectItem(talkers, "services"))
	{
		if (cJSON_GetArraySize(cJSON_GetObjectItem(service, "by_requests")) == 0) {
			(void)printf(
				"%s: no source is in its account\n", json_text_of(service, "name"));
			continue;
		}
		print_list(service, "by_requests", "by requests");
		print_list(service, "by_time", "by time");
	}
}
