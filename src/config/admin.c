#include "config/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const mode_t modes[] = { 0600, 0660, 0666 }; /* by the words of params.c */

/* "127.0.0.1:9464" or "[::1]:9464". -EINVAL; -ENODEV: no interface of that name. */
static int parse(const char *text, union addr *ret_address)
{
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[' && colon != NULL && colon > text && colon[-1] == ']';
	char host[ADDR_TEXT_MAX], *end;
	unsigned long port;
	size_t length;
	int error;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	length = (size_t)(colon - text) - (brackets ? 2 : 0);
	if (*end != '\0' || port > UINT16_MAX || length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text + brackets, length);
	host[length] = '\0';
	error = addr_parse(host, (uint16_t)port, ret_address);
	if (error == 0 && brackets != (ret_address->sa.sa_family == AF_INET6))
		return -EINVAL;
	return error;
}

static void resolve_listen(struct config *config, struct report *report)
{
	const struct value *value = &config->top.of[PARAM_ADMIN_LISTEN];
	const struct param *param = &params[PARAM_ADMIN_LISTEN];
	const char *text = value_text(value, param, 0);
	int error = 0;

	config->admin.listens = !value->invalid && text[0] != '\0';
	if (config->admin.listens)
		error = parse(text, &config->admin.address);
	if (error < 0)
		report_add(report, value_text_place(value, 0), "%s: %s", param->path,
			error == -ENODEV ? "this machine has no such interface"
					 : "must be a numeric address and a port, as in "
					   "127.0.0.1:9464 or [::1]:9464");
}

void admin_resolve(struct config *config, struct report *report)
{
	const struct value *of = config->top.of;
	const char *path = value_text(&of[PARAM_ADMIN_SOCKET], &params[PARAM_ADMIN_SOCKET], 0);

	if (!of[PARAM_ADMIN_SOCKET].invalid && path[0] != '\0')
		config->admin.socket = path;
	if (!of[PARAM_ADMIN_SOCKET_MODE].invalid)
		config->admin.mode = modes[of[PARAM_ADMIN_SOCKET_MODE].number];
	config->admin.has_group =
		user_find_group(config, PARAM_ADMIN_SOCKET_GROUP, report, &config->admin.group);
	config->admin.upgrade = of[PARAM_ADMIN_UPGRADE].number != 0;
	resolve_listen(config, report);
}
