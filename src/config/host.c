#include "config/host.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/addr.h"

static bool is_address(const char *text, size_t length)
{
	char copy[ADDR_TEXT_MAX] = "";
	union addr addr;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	return addr_parse(copy, 0, &addr) == 0;
}

static bool is_in_brackets(const char *text, size_t length)
{
	return length > 2 && text[0] == '[' && text[length - 1] == ']';
}

int host_check(const char *text, struct host_error *ret_error)
{
	size_t length = strlen(text), before;
	const char *colon = strrchr(text, ':');
	const char *scope = strchr(text, '%');
	struct host_error error = { 0, length,
		"must be a numeric IPv4 or IPv6 address; names are not looked up" };
	union addr addr;
	int r = addr_parse(text, 0, &addr);

	if (r == 0)
		return 0;
	before = colon ? (size_t)(colon - text) : 0;
	if (r == -ENODEV && scope) {
		error.offset = (size_t)(scope - text) + 1;
		error.message = "there is no network interface of this name";
	} else if (is_in_brackets(text, length) && is_address(text + 1, length - 2)) {
		error.message = "an IPv6 address is written without brackets here";
	} else if (is_address(text, before) ||
		   (is_in_brackets(text, before) && is_address(text + 1, before - 2))) {
		error.offset = before + 1;
		error.message = "must be an address alone; the port belongs in `port`";
	}
	error.length = length - error.offset;
	*ret_error = error;
	return -EINVAL;
}
