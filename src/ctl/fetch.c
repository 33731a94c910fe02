#include "ctl/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An upgrade is given up after 10 s. */
#define TIMEOUT_S 10L
#define POST_TIMEOUT_S 30L
#define URL_MAX 256

static size_t take_part(char *data, size_t size, size_t count, void *file)
{
	return fwrite(data, size, count, file) * size;
}

/* The library names the host of the URL, which is nobody's, and not how long it waited. */
static int complain_of(CURL *curl, const char *socket, CURLcode result, long timeout_s)
{
	long error = 0;

	if (result == CURLE_OPERATION_TIMEDOUT) {
		(void)fprintf(
			stderr, "dgramctl: error: %s: no answer within %ld s\n", socket, timeout_s);
		return -EHOSTUNREACH;
	}
	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	(void)fprintf(stderr, "dgramctl: error: %s: %s\n", socket,
		result == CURLE_COULDNT_CONNECT && error > 0 ? strerrordesc_np((int)error)
							     : curl_easy_strerror(result));
	return -EHOSTUNREACH;
}

static int perform_request(CURL *curl, const char *socket, const char *path, bool post, FILE *file)
{
	const long timeout_s = post ? POST_TIMEOUT_S : TIMEOUT_S;
	char url[URL_MAX];
	CURLcode result;

	(void)snprintf(url, sizeof(url), "http://localhost%s", path);
	if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_PROXY, "") != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_part) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, file) != CURLE_OK)
		return -ENOMEM;
	if (post && (curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK ||
			    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "") != CURLE_OK))
		return -ENOMEM;
	result = curl_easy_perform(curl);
	return result == CURLE_OK ? 0 : complain_of(curl, socket, result, timeout_s);
}

int fetch(const char *socket, const char *path, bool post, struct fetched *ret_fetched)
{
	struct fetched fetched = { 0 };
	FILE *file = open_memstream(&fetched.text, &fetched.length);
	CURL *curl = curl_easy_init();
	int error = -ENOMEM;

	if (file != NULL && curl != NULL)
		error = perform_request(curl, socket, path, post, file);
	if (file != NULL && fclose(file) != 0)
		error = -ENOMEM;
	if (curl != NULL) {
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetched.status);
		curl_easy_cleanup(curl);
	}
	if (error < 0)
		free(fetched.text);
	else
		*ret_fetched = fetched;
	return error;
}
