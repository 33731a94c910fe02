#include "admin/route.h"

#include <stdlib.h>
#include <string.h>

#include "admin/metrics.h"
#include "admin/page.h"
#include "admin/talkers.h"
#include "admin/view.h"

static const struct route routes[] = {
	{ "/", "GET", true, ADMIN_NONE, page_view },
	{ "/page.css", "GET", true, ADMIN_NONE, page_style },
	{ "/page.js", "GET", true, ADMIN_NONE, page_script },
	{ "/favicon.ico", "GET", true, ADMIN_NONE, page_icon },
	{ "/livez", "GET", true, ADMIN_LIVE, NULL },
	{ "/readyz", "GET", true, ADMIN_NONE, view_ready },
	{ "/metrics", "GET", true, ADMIN_NONE, metrics_view },
	{ "/status", "GET", false, ADMIN_NONE, view_status },
	{ "/workers", "GET", false, ADMIN_NONE, view_workers },
	{ "/workers/*", "GET", false, ADMIN_NONE, view_worker },
	{ "/drops", "GET", false, ADMIN_NONE, view_drops },
	{ "/talkers", "GET", false, ADMIN_NONE, talkers_view },
	{ "/config", "GET", false, ADMIN_PRINT_CONFIG, NULL },
	{ "/schema", "GET", false, ADMIN_PRINT_SCHEMA, NULL },
	{ "/reload", "POST", false, ADMIN_RELOAD, NULL },
	{ "/upgrade", "POST", false, ADMIN_UPGRADE, NULL },
	{ "/log-level", "POST", false, ADMIN_LOG_LEVEL, NULL },
	{ "/drain", "POST", false, ADMIN_TAKE_OUT, NULL },
	{ "/undrain", "POST", false, ADMIN_TAKE_IN, NULL },
};

static bool matches(const struct route *route, const char *path, unsigned long *ret_number)
{
	size_t length = strcspn(route->path, "*");
	char *end;

	if (route->path[length] == '\0')
		return strcmp(route->path, path) == 0;
	if (strncmp(route->path, path, length) != 0 || path[length] < '0' || path[length] > '9')
		return false;
	*ret_number = strtoul(path + length, &end, 10);
	return *end == '\0';
}

const struct route *route_find(const char *method, const char *path, bool local,
	unsigned long *ret_number, struct admin_answer *answer)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];

		if ((!local && !route->remote) || !matches(route, path, ret_number))
			continue;
		if (strcmp(route->method, method) == 0)
			return route;
		answer_refuse(answer, 405, "the path does not take this method");
		answer->allow = route->method[0] == 'G' ? "GET, HEAD" : route->method;
		return NULL;
	}
	answer_refuse(answer, 404, "there is no such path here");
	return NULL;
}
