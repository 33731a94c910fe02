/* Adds the numbers of a request, in C++17. An exception must not leave a function that C calls, so each one is caught
 * at the border and becomes an error, which the server counts. */
#include <dgram.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace {

/* What a function returns, or -errno of the exception that it threw. */
template <typename Function> ssize_t guarded(const dgram_request *request, Function &&function) noexcept
{
	try {
		return function();
	} catch (const std::system_error &error) {
		dgram_request_log(request, DGRAM_LOG_WARN, "failed", "%s", error.what());
		return -error.code().value();
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	} catch (const std::exception &error) {
		dgram_request_log(request, DGRAM_LOG_WARN, "failed", "%s", error.what());
		return -EINVAL;
	} catch (...) {
		return -EIO;
	}
}

std::string add(std::string_view text)
{
	std::istringstream words{std::string{text}};
	long long sum = 0;

	for (std::string word; words >> word;) {
		std::size_t length = 0;
		long long number = std::stoll(word, &length); // throws invalid_argument, out_of_range

		if (length != word.size())
			throw std::invalid_argument{"no number: " + word};
		if (__builtin_add_overflow(sum, number, &sum))
			throw std::system_error{EOVERFLOW, std::generic_category(), "the sum"};
	}
	return std::to_string(sum);
}

ssize_t handle(void *, const dgram_request *request, void *reply, size_t size) noexcept
{
	return guarded(request, [&]() -> ssize_t {
		std::string sum = add({static_cast<const char *>(request->data), request->length});

		if (sum.size() > size)
			return -EMSGSIZE;
		std::memcpy(reply, sum.data(), sum.size());
		return static_cast<ssize_t>(sum.size());
	});
}

constexpr dgram_handler make_handler()
{
	dgram_handler handler{};

	handler.abi = DGRAM_ABI;
	handler.name = "sum";
	handler.handle = handle;
	return handler;
}

constexpr dgram_handler sum = make_handler();

} // namespace

DGRAM_PLUGIN(sum);
