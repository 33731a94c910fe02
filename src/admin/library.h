/* The functions of libmicrohttpd that are used. It is loaded only where an endpoint is configured, because it brings
 * GnuTLS with it: 2.6 MiB that would be resident in each dgramd. Thread: owner; then any. */
#ifndef ADMIN_LIBRARY_H
#define ADMIN_LIBRARY_H

#include <microhttpd.h>

#define LIBRARY_NAME "libmicrohttpd.so.12"

#define LIBRARY_FUNCTIONS(X)               \
	X(MHD_start_daemon)                \
	X(MHD_quiesce_daemon)              \
	X(MHD_stop_daemon)                 \
	X(MHD_suspend_connection)          \
	X(MHD_resume_connection)           \
	X(MHD_get_connection_info)         \
	X(MHD_lookup_connection_value)     \
	X(MHD_lookup_connection_value_n)   \
	X(MHD_create_response_from_buffer) \
	X(MHD_add_response_header)         \
	X(MHD_queue_response)              \
	X(MHD_destroy_response)

#define LIBRARY_MEMBER(name) __typeof__(&name) name;
struct library {
	LIBRARY_FUNCTIONS(LIBRARY_MEMBER)
};
#undef LIBRARY_MEMBER

/* The same one each time, which stays. NULL: `*ret_why` says why it cannot be loaded. */
const struct library *library_load(const char **ret_why);

#endif
