#include "ctl/ping.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/json.h"
#include "ctl/show.h"

#define PATIENCE_MS 2000

#define REPLY_MAX 65536

/* What came of one. */
struct pinged {
	const char *service, *address;
	double reply_us; /* -1: none came */
	ssize_t bytes;
	const char *why;
	bool fine;
};

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* "127.0.0.1:7", "[::1]:7". Who listens everywhere listens on loopback. */
static int open_to(const char *address)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_DGRAM };
	const char *port = strrchr(address, ':');
	struct addrinfo *found;
	char host[80];
	int fd;

	if (port == NULL)
		return -1;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(port - address), address);
	if (host[0] == '[') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (strcmp(host, "0.0.0.0") == 0)
		(void)strcpy(host, "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		(void)strcpy(host, "::1");
	if (getaddrinfo(host, port + 1, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static void wait_for_reply(int fd, struct pinged *pinged)
{
	static char reply[REPLY_MAX];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	double since_us = now_us();

	if (send(fd, "", 0, 0) < 0) {
		pinged->why = strerrordesc_np(errno);
		return;
	}
	if (poll(&poll_fd, 1, PATIENCE_MS) <= 0) {
		pinged->why = "no reply within 2 s";
		return;
	}
	pinged->bytes = recv(fd, reply, sizeof(reply), 0);
	pinged->fine = pinged->bytes >= 0;
	if (pinged->fine)
		pinged->reply_us = now_us() - since_us;
	else
		pinged->why = strerrordesc_np(errno);
}

/* Of a service, by its place in the list; -1: the daemon does not say. */
static double count_silent(const struct ctl_options *options, int service)
{
	double count = -1;
	cJSON *status;

	if (ask_json(options, "/status", &status) != EX_OK)
		return -1;
	count = json_number_of(
		cJSON_GetArrayItem(cJSON_GetObjectItem(status, "services"), service), "no_reply");
	cJSON_Delete(status);
	return count;
}

static struct pinged ping_one(
	const struct ctl_options *options, const cJSON *service, int number, const char *address)
{
	struct pinged pinged = { json_text_of(service, "name"), address, -1, 0, "", false };
	double silent = count_silent(options, number);
	int fd = open_to(address);

	if (fd < 0) {
		pinged.why = strerrordesc_np(errno);
		return pinged;
	}
	wait_for_reply(fd, &pinged);
	close(fd);
	if (!pinged.fine && silent >= 0 && count_silent(options, number) > silent) {
		pinged.fine = true;
		pinged.why = "the handler chose to send no reply";
	}
	return pinged;
}

static void print_one(const struct ctl_options *options, const struct pinged *pinged, cJSON *list)
{
	char time[24] = "";

	if (options->json) {
		cJSON *json = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(json, "service", pinged->service);
		(void)cJSON_AddStringToObject(json, "address", pinged->address);
		if (pinged->reply_us >= 0) {
			(void)cJSON_AddNumberToObject(json, "reply_us", pinged->reply_us);
			(void)cJSON_AddNumberToObject(json, "bytes", (double)pinged->bytes);
		} else {
			(void)cJSON_AddStringToObject(json, "why", pinged->why);
		}
		(void)cJSON_AddItemToArray(list, json);
	} else if (pinged->reply_us >= 0) {
		(void)printf("%s %s: %zd bytes after %s\n", pinged->service, pinged->address,
			pinged->bytes, show_duration(pinged->reply_us, time));
	} else {
		(void)printf("%s %s: %s\n", pinged->service, pinged->address, pinged->why);
	}
}

static bool ping_all(const struct ctl_options *options, const cJSON *status, cJSON *list)
{
	const cJSON *service, *address;
	bool fine = true;
	int number = 0;

	cJSON_ArrayForEach(service, cJSON_GetObjectItem(status, "services"))
	{
		if (cJSON_GetArraySize(cJSON_GetObjectItem(service, "addresses")) == 0) {
			print_one(options,
				&(struct pinged){ json_text_of(service, "name"), "-", -1, 0,
					"it waits for its addresses", false },
				list);
			fine = false;
		}
		cJSON_ArrayForEach(address, cJSON_GetObjectItem(service, "addresses"))
		{
			struct pinged pinged =
				ping_one(options, service, number, cJSON_GetStringValue(address));

			print_one(options, &pinged, list);
			fine = fine && pinged.fine;
		}
		number++;
	}
	return fine;
}

int ping(const struct ctl_options *options)
{
	cJSON *status, *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "pings");
	int result = ask_json(options, "/status", &status);
	char *text;

	if (result == EX_OK) {
		(void)fprintf(stderr, "dgramctl: warning: each service gets an empty request, "
				      "which its handler answers as any other\n");
		result = ping_all(options, status, list) ? EX_OK : EXIT_FAILURE;
		cJSON_Delete(status);
		text = options->json ? cJSON_Print(json) : NULL;
		if (text != NULL)
			(void)printf("%s\n", text);
		cJSON_free(text);
	}
	cJSON_Delete(json);
	return result;
}
