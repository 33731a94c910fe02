#include "log/text.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

#define CUT "..."
#define CUT_LENGTH (sizeof(CUT) - 1)

/* An escaped byte: "\\x00" in JSON. */
#define UNIT_MAX 5

size_t text_room(const struct text *text)
{
	return (size_t)(text->end - text->at);
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
	assert(length <= text_room(text));
	memcpy(text->at, bytes, length);
	text->at += length;
}

void text_put(struct text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

/* Decimal, with zeros in front up to `digits`. */
static void put_padded(struct text *text, uint64_t number, unsigned digits)
{
	char reversed[20];
	unsigned count = 0;

	assert(digits <= sizeof(reversed));
	for (; number > 0 || count < digits; number /= 10)
		reversed[count++] = (char)('0' + number % 10);
	while (count > 0)
		put_bytes(text, &reversed[--count], 1);
}

void text_put_uint(struct text *text, uint64_t number)
{
	put_padded(text, number, 1);
}

void text_put_int(struct text *text, int64_t number)
{
	if (number < 0)
		text_put(text, "-");
	text_put_uint(text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

/* Not gmtime_r(3): it takes the lock of the time zone, and so a thread could wait for another.
 * Years are counted from March, so that the leap day is a year's last, in eras of 400 years: in
 * days, 146097. */
static void put_date(struct text *text, uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + 719468; /* since 1 March of year 0 */
	uint64_t era = days / 146097;
	uint64_t day_of_era = days % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month = (5 * day_of_year + 2) / 153; /* 0 is March; five months have 153 days */
	uint64_t day = day_of_year - (153 * month + 2) / 5 + 1;
	uint64_t year = era * 400 + year_of_era;

	put_padded(text, month < 10 ? year : year + 1, 4);
	text_put(text, "-");
	put_padded(text, month < 10 ? month + 3 : month - 9, 2);
	text_put(text, "-");
	put_padded(text, day, 2);
}

void text_put_time(struct text *text, int64_t realtime_ns)
{
	uint64_t us = realtime_ns < 0 ? 0 : (uint64_t)(realtime_ns / NS_PER_US);
	uint64_t seconds = us / 1000000;

	put_date(text, seconds / 86400);
	text_put(text, "T");
	put_padded(text, seconds / 3600 % 24, 2);
	text_put(text, ":");
	put_padded(text, seconds / 60 % 60, 2);
	text_put(text, ":");
	put_padded(text, seconds % 60, 2);
	text_put(text, ".");
	put_padded(text, us % 1000000, 6);
	text_put(text, "Z");
}

static bool is_printable(unsigned char c)
{
	return c >= ' ' && c <= '~';
}

/* Escape one byte; returns the length. */
static size_t escape_byte(enum text_escape escape, unsigned char c, char unit[static UNIT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t length = 0;

	if (is_printable(c) && c != '\\' && c != '"' && (c != '=' || escape != TEXT_BARE)) {
		unit[length++] = (char)c;
		return length;
	}
	unit[length++] = '\\';
	if (c == '"') {
		unit[length++] = '"';
		return length;
	}
	if (escape == TEXT_JSON)
		unit[length++] = '\\';
	if (c == '\\') {
		unit[length++] = '\\';
		if (escape == TEXT_JSON)
			unit[length++] = '\\';
		return length;
	}
	unit[length++] = 'x';
	unit[length++] = digits[c >> 4];
	unit[length++] = digits[c & 15];
	return length;
}

/* How many of the bytes can be escaped into `limit`. */
static size_t count_fitting(
	enum text_escape escape, const unsigned char *bytes, size_t length, size_t limit)
{
	char unit[UNIT_MAX];
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		used += escape_byte(escape, bytes[i], unit);
		if (used > limit)
			return i;
	}
	return length;
}

void text_put_escaped(
	struct text *text, enum text_escape escape, const void *bytes, size_t length, size_t limit)
{
	const unsigned char *from = bytes;
	size_t room = limit < text_room(text) ? limit : text_room(text);
	size_t fitting = count_fitting(escape, from, length, room);

	assert(room >= CUT_LENGTH);
	if (fitting < length)
		fitting = count_fitting(escape, from, fitting, room - CUT_LENGTH);
	for (size_t i = 0; i < fitting; i++) {
		char unit[UNIT_MAX];

		put_bytes(text, unit, escape_byte(escape, from[i], unit));
	}
	if (fitting < length)
		text_put(text, CUT);
}

bool text_needs_quotes(const void *bytes, size_t length)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < length; i++)
		if (!is_printable(from[i]) || strchr(" =\"\\", from[i]) != NULL)
			return true;
	return length == 0;
}
