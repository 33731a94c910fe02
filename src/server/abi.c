/* What a program was built for, and what this library is. */
#include <string.h>

#include "server/server.h"

const char *dgram_version(void)
{
	return DGRAM_VERSION;
}

#define STRUCT(name)                       \
	{                                  \
#name, sizeof(struct name) \
	}

size_t dgram_sizeof(const char *name)
{
	static const struct {
		const char *name;
		size_t size;
	} structs[] = {
		STRUCT(dgram_request),
		STRUCT(dgram_process_limits),
		STRUCT(dgram_parameter),
		STRUCT(dgram_setting),
		STRUCT(dgram_start),
		STRUCT(dgram_command),
		STRUCT(dgram_handler),
		STRUCT(dgram_plugin),
		STRUCT(dgram_access),
		STRUCT(dgram_service),
		STRUCT(dgram_inherited),
		STRUCT(dgram_options),
		STRUCT(dgram_counter),
		STRUCT(dgram_reason),
		STRUCT(dgram_service_stats),
		STRUCT(dgram_bucket),
		STRUCT(dgram_worker_stats),
		STRUCT(dgram_past_request),
		STRUCT(dgram_worker_requests),
		STRUCT(dgram_service_times),
		STRUCT(dgram_socket_stats),
		STRUCT(dgram_talker),
		STRUCT(dgram_talkers),
		STRUCT(dgram_child_end),
		STRUCT(dgram_child_ends),
	};

	for (size_t i = 0; i < sizeof(structs) / sizeof(structs[0]); i++)
		if (strcmp(structs[i].name, name) == 0)
			return structs[i].size;
	return 0;
}
