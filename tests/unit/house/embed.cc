// A program in C++, with no cast for DGRAM_NO_REPLY: one handler with an option, and one request to it.
#include <dgramd.h>

#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace {

ssize_t handle(void *state, const dgram_request *request, void *reply, size_t reply_size)
{
	const auto *values = static_cast<const dgram_setting *>(state);
	size_t length = std::strlen(values[0].text);

	if (request->length == 0 || length > reply_size)
		return DGRAM_NO_REPLY;
	std::memcpy(reply, values[0].text, length);
	dgram_server_shutdown(dgram_request_server(request));
	return static_cast<ssize_t>(length);
}

int start_worker(void *, const dgram_start *start, void **ret_worker_state)
{
	*ret_worker_state = const_cast<dgram_setting *>(start->values);
	return 0;
}

int ask(dgram_server *server)
{
	sockaddr_storage address;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || dgram_server_bind(server) < 0 ||
		dgram_server_address(server, 0, 0, &address) < 0 ||
		connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) < 0 ||
		send(fd, "", 0, 0) < 0 || send(fd, "?", 1, 0) < 0)
		return -1;
	return fd;
}

} // namespace

int main()
{
	char text[DGRAM_ERROR_TEXT_MAX], answer[16] = "";
	dgram_parameter greeting = dgram_parameter();
	dgram_setting setting = dgram_setting();
	dgram_handler handler = dgram_handler();
	dgram_service service;
	dgram_options options;
	dgram_server *server;
	int fd;

	greeting.name = setting.name = "greeting";
	greeting.type = DGRAM_TEXT;
	greeting.maximum = 15;
	greeting.required = true;
	setting.text = "hello";
	handler.abi = DGRAM_ABI;
	handler.name = "greeter";
	handler.handle = handle;
	handler.worker_start = start_worker;
	handler.parameters = &greeting;
	handler.parameters_count = 1;
	dgram_service_init(&service, DGRAM_ABI);
	service.handler = &handler;
	dgram_options_init(&options, DGRAM_ABI);
	options.services = &service;
	options.services_count = 1;
	options.error_text = text;
	options.error_text_size = sizeof(text);
	if (dgram_server_new(&options, &server) == 0)
		return 1;
	std::puts(text);
	service.parameters = &setting;
	service.parameters_count = 1;
	if (dgram_server_new(&options, &server) < 0)
		return 1;
	fd = ask(server);
	if (fd < 0 || dgram_server_serve_forever(server) < 0 ||
		recv(fd, answer, sizeof(answer), 0) < 0)
		return 1;
	std::puts(answer);
	close(fd);
	dgram_server_free(server);
	return 0;
}
