#include "load/id.h"

#include <errno.h>
#include <stdlib.h>

/* Up to `end`, which is behind it then. */
static bool parse_id_number(const char **text, char end, size_t most, size_t *ret_number)
{
	char *behind;

	if (**text < '0' || **text > '9')
		return false;
	*ret_number = strtoul(*text, &behind, 10);
	if (*behind != end || *ret_number > most)
		return false;
	*text = end != '\0' ? behind + 1 : behind;
	return true;
}

int load_id_parse(const char *text, struct load_id *ret_id)
{
	struct load_id id;

	if (!parse_id_number(&text, ':', LOAD_PAYLOAD_MAX, &id.offset))
		return -EINVAL;
	if (parse_id_number(&text, ':', LOAD_ID_BYTES_MAX, &id.bytes)) {
		if (!parse_id_number(&text, '\0', LOAD_PAYLOAD_MAX, &id.answer_offset))
			return -EINVAL;
	} else {
		if (!parse_id_number(&text, '\0', LOAD_ID_BYTES_MAX, &id.bytes))
			return -EINVAL;
		id.answer_offset = id.offset;
	}
	if (id.bytes == 0)
		return -EINVAL;
	*ret_id = id;
	return 0;
}

uint64_t load_id_count(const struct load_id *id)
{
	return id->bytes < LOAD_ID_BYTES_MAX ? 1ull << (8 * id->bytes) : 1ull << 63;
}

void load_id_write(const struct load_id *id, uint64_t value, uint8_t *request)
{
	for (size_t i = id->bytes; i > 0; i--, value >>= 8)
		request[id->offset + i - 1] = (uint8_t)value;
}

bool load_id_read(
	const struct load_id *id, const uint8_t *answer, size_t length, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (length < id->answer_offset + id->bytes)
		return false;
	for (size_t i = 0; i < id->bytes; i++)
		value = value << 8 | answer[id->answer_offset + i];
	*ret_value = value;
	return true;
}
