/* The built-in services. */
#ifndef HANDLERS_BUILTIN_H
#define HANDLERS_BUILTIN_H

#include <dgram.h>

extern const struct dgram_handler handler_time;
extern const struct dgram_handler handler_daytime;
extern const struct dgram_handler handler_time_rfc868;
extern const struct dgram_handler handler_echo;
extern const struct dgram_handler handler_discard;
extern const struct dgram_handler handler_simulate;

#endif
