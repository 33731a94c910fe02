/* Handlers that are handed in: which can be, and which a name finds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/handlers.h"

static ssize_t handle(
	void *state, const struct dgram_request *request, void *reply, size_t reply_size)
{
	(void)state, (void)request, (void)reply, (void)reply_size;
	return DGRAM_NO_REPLY;
}

static const struct dgram_handler first = { .abi = DGRAM_ABI, .name = "first", .handle = handle };
static const struct dgram_handler second = { .abi = DGRAM_ABI, .name = "second", .handle = handle };

/* Its return value, and what it writes to the standard error. */
static int init(const struct dgram_handler *const *linked, char text[512])
{
	struct handlers handlers;
	int before = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC), error;
	ssize_t length;

	assert_true(before >= 0 && fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	error = handlers_init(&handlers, linked);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	length = pread(fd, text, 511, 0);
	assert_true(length >= 0);
	text[length] = '\0';
	close(before);
	close(fd);
	if (error == 0)
		handlers_free(&handlers);
	return error;
}

static void must_refuse(const struct dgram_handler *const *linked, const char *message)
{
	char text[512];

	assert_int_equal(init(linked, text), -EINVAL);
	assert_memory_equal(text, "test_handlers: error: ", 22);
	assert_string_equal(text + 22, message);
}

static void test_refused(void **state)
{
	static const struct dgram_handler old = { .abi = 1, .name = "old", .handle = handle };
	static const struct dgram_handler bad = {
		.abi = DGRAM_ABI, .name = "./x", .handle = handle
	};
	static const struct dgram_parameter nameless[] = { { .name = NULL } };
	static const struct dgram_handler odd = { .abi = DGRAM_ABI,
		.name = "odd",
		.handle = handle,
		.parameters = nameless,
		.parameters_count = 1 };
	static const struct dgram_handler ours = {
		.abi = DGRAM_ABI, .name = "exec", .handle = handle
	};
	char text[512];

	(void)state;
	must_refuse((const struct dgram_handler *[]){ &first, &ours, NULL },
		"handlers[1]: has the name of the handler that executes commands\n");
	assert_int_equal(init((const struct dgram_handler *[]){ &first, &second, NULL }, text), 0);
	assert_string_equal(text, "");
	must_refuse((const struct dgram_handler *[]){ NULL }, "handlers[0]: handler: missing\n");
	must_refuse((const struct dgram_handler *[]){ &first, &second, &first, NULL },
		"handlers[2]: has the name of another\n");
	must_refuse((const struct dgram_handler *[]){ &first, &old, NULL },
		"handlers[1]: handler->abi: is 1, and this library serves 2: set it to DGRAM_ABI and "
		"build again\n");
	must_refuse((const struct dgram_handler *[]){ &bad, NULL },
		"handlers[0]: handler->name: may have a-z, 0-9 and -, a letter first\n");
	must_refuse((const struct dgram_handler *[]){ &odd, NULL },
		"handlers[0]: handler->parameters[0]: has no name\n");
}

static void test_found(void **state)
{
	const struct dgram_handler *const linked[] = { &first, &second, NULL };
	char why[CONFIG_HANDLER_ERROR_MAX] = "";
	struct handlers handlers;
	const struct config_handlers *config = &handlers.config;

	(void)state;
	assert_int_equal(handlers_init(&handlers, linked), 0);
	assert_ptr_equal(config->listed[0], &first);
	assert_ptr_equal(config->listed[1], &second);
	assert_string_equal(config->listed[2]->name, "exec");
	assert_null(config->listed[3]);
	assert_ptr_equal(config->find(config->context, "second", why), &second);
	assert_string_equal(why, "");
	assert_null(config->find(config->context, "secnod", why));
	assert_string_equal(
		why, "must be one of \"first\", \"second\", \"exec\"; did you mean \"second\"?");
	assert_null(config->find(config->context, "second.so", why));
	assert_string_equal(why, "a plug-in is named with a slash, as in \"./second.so\"");
	handlers_free(&handlers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
