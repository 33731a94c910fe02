#include "log/event.h"

#define LOG_EVENT_ROW(id, level, often, name, meaning) [id] = { LOG_LEVEL_##level, name, meaning },
const struct log_event_row log_events[EVENT_COUNT] = { LOG_EVENTS(LOG_EVENT_ROW) };
