#include "load/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DNS_HEADER_BYTES 12
#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 255
#define DNS_CLASS_IN 1
#define NTP_BYTES 48
#define NTP_VERSION_4_CLIENT 0x23

static const struct {
	const char *name;
	unsigned number;
} dns_types[] = {
	{ "A", 1 },
	{ "NS", 2 },
	{ "CNAME", 5 },
	{ "SOA", 6 },
	{ "PTR", 12 },
	{ "MX", 15 },
	{ "TXT", 16 },
	{ "AAAA", 28 },
	{ "SRV", 33 },
};

/* By name, or as a number from 1 to 65535. 0: it is none. */
static unsigned find_dns_type(const char *text)
{
	unsigned long number;
	char *end;

	for (size_t i = 0; i < sizeof(dns_types) / sizeof(dns_types[0]); i++) {
		if (strcasecmp(text, dns_types[i].name) == 0)
			return dns_types[i].number;
	}
	number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && number <= UINT16_MAX
		       ? (unsigned)number
		       : 0;
}

static void put_16(struct load_question *question, unsigned number)
{
	question->bytes[question->length++] = (uint8_t)(number >> 8);
	question->bytes[question->length++] = (uint8_t)number;
}

/* The `length` bytes as labels, each behind its length, and the root's. */
static int put_dns_name(struct load_question *question, const char *name, size_t length)
{
	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length > DNS_NAME_MAX - 2)
		return -EINVAL;
	for (const char *end = name + length; name < end;) {
		const char *dot = memchr(name, '.', (size_t)(end - name));
		size_t label = (size_t)((dot != NULL ? dot : end) - name);

		if (label == 0 || label > DNS_LABEL_MAX || dot == end - 1)
			return -EINVAL;
		question->bytes[question->length++] = (uint8_t)label;
		memcpy(question->bytes + question->length, name, label);
		question->length += label;
		name += label + (dot != NULL);
	}
	question->bytes[question->length++] = 0;
	return 0;
}

int load_question_dns(const char *text, struct load_question *ret_question)
{
	/* recursion is desired, and there is one question */
	static const uint8_t header[DNS_HEADER_BYTES] = { 0, 0, 1, 0, 0, 1 };
	struct load_question question = {
		.length = sizeof(header),
		.id = { .offset = 0, .bytes = 2, .answer_offset = 0 },
	};
	size_t length = strcspn(text, "/");
	unsigned type = find_dns_type(text[length] == '/' ? text + length + 1 : "A");

	memcpy(question.bytes, header, sizeof(header));
	if (length == 0 || type == 0 || put_dns_name(&question, text, length) < 0)
		return -EINVAL;
	put_16(&question, type);
	put_16(&question, DNS_CLASS_IN);
	*ret_question = question;
	return 0;
}

void load_question_ntp(struct load_question *ret_question)
{
	*ret_question = (struct load_question){
		.bytes = { NTP_VERSION_4_CLIENT },
		.length = NTP_BYTES,
		.id = { .offset = 40, .bytes = 8, .answer_offset = 24 },
	};
}
