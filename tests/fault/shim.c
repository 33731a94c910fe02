/* For LD_PRELOAD: makes calls of dgramd and of cJSON fail, and counts what they leave behind. In
 * the environment:
 * - FAULT_CALL: which; the name of a function, or "memory" (all that allocate), "futex_wait",
 *   "sendmmsg_joined" (its first message is several replies), "poll_in" or "poll_out" (by what its first
 *   descriptor is asked for), "epoll_add", or "clock_step" (the wall
 *   clock jumps by FAULT_SECONDS from that call on);
 * - FAULT_NTH: the first one that fails, counted from 1; 0: none;
 * - FAULT_EVERY: and every so many after it; 0: it alone;
 * - FAULT_ERRNO: the errno value that it fails with;
 * - FAULT_AFTER: a file; calls count once it exists;
 * - FAULT_PATH: calls of open count when their path has this in it;
 * - FAULT_REPORT: a file, which at the end says calls=N fired=N live=N fds=N: calls that could have
 *   failed, that did, allocations not freed, descriptors open.
 *
 * Only calls from the program's own text and from libcjson's count: what the C library does for
 * itself, it must handle itself. In dgram-child nothing counts, and nothing fails. */
#undef _FORTIFY_SOURCE /* its inline versions of what is defined here */
#pragma GCC visibility push(default)

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <link.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLER __builtin_return_address(0)
#define TEXTS_MAX 8
#define TABLE_SIZE 65536u /* a power of two, far more than dgramd ever allocates */

/* glibc's own names: dlsym() could allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static struct {
	uintptr_t begin, end;
} texts[TEXTS_MAX];
static unsigned texts_count;

static const char *fault_call = "", *fault_after, *fault_path;
static unsigned long fault_nth, fault_every, fault_errno;
static _Atomic unsigned long calls, fired;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static void *table[TABLE_SIZE]; /* allocations of ours; open addressing */
static unsigned long live;

static int note_texts(struct dl_phdr_info *info, size_t size, void *first)
{
	bool *is_first = first;

	(void)size;
	if (*is_first || strstr(info->dlpi_name, "libcjson") != NULL)
		for (unsigned i = 0; i < info->dlpi_phnum && texts_count < TEXTS_MAX; i++) {
			const ElfW(Phdr) *header = &info->dlpi_phdr[i];

			if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
				continue;
			texts[texts_count].begin = info->dlpi_addr + header->p_vaddr;
			texts[texts_count].end = texts[texts_count].begin + header->p_memsz;
			texts_count++;
		}
	*is_first = false;
	return 0;
}

static unsigned long number(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : 0;
}

static bool is_child(void)
{
	return strcmp(program_invocation_short_name, "dgram-child") == 0;
}

__attribute__((constructor)) static void begin(void)
{
	bool first = true;

	if (is_child())
		return;
	fault_call = getenv("FAULT_CALL") != NULL ? getenv("FAULT_CALL") : "";
	fault_after = getenv("FAULT_AFTER");
	fault_path = getenv("FAULT_PATH");
	fault_nth = number("FAULT_NTH");
	fault_every = number("FAULT_EVERY");
	fault_errno = number("FAULT_ERRNO");
	dl_iterate_phdr(note_texts, &first);
}

static bool ours(const void *caller)
{
	for (unsigned i = 0; i < texts_count; i++)
		if ((uintptr_t)caller >= texts[i].begin && (uintptr_t)caller < texts[i].end)
			return true;
	return false;
}

/* Must this call fail? Sets errno. */
static bool strike(const char *call, const void *caller)
{
	unsigned long n;

	if (strcmp(call, fault_call) != 0 || !ours(caller))
		return false;
	if (fault_after != NULL && access(fault_after, F_OK) != 0)
		return false;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (fault_nth == 0 || n < fault_nth ||
		(n > fault_nth && (fault_every == 0 || (n - fault_nth) % fault_every != 0)))
		return false;
	atomic_fetch_add(&fired, 1);
	errno = (int)fault_errno;
	return true;
}

static void next(const char *name, void *ret_function)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(ret_function, &found, sizeof(found));
}

/* --- memory */

static unsigned place(const void *memory)
{
	return (unsigned)(((uintptr_t)memory >> 4) * 2654435761u) % TABLE_SIZE;
}

static void *remember(void *memory)
{
	unsigned i = place(memory);

	if (memory == NULL)
		return NULL;
	pthread_mutex_lock(&table_lock);
	while (table[i] != NULL)
		i = (i + 1) % TABLE_SIZE;
	table[i] = memory;
	live++;
	pthread_mutex_unlock(&table_lock);
	return memory;
}

/* Close the gap, so that what was put behind it is still found. */
static void fill_gap(unsigned gap)
{
	for (unsigned i = (gap + 1) % TABLE_SIZE; table[i] != NULL; i = (i + 1) % TABLE_SIZE) {
		unsigned wanted = place(table[i]);

		if ((i - wanted) % TABLE_SIZE < (i - gap) % TABLE_SIZE)
			continue;
		table[gap] = table[i];
		gap = i;
	}
	table[gap] = NULL;
}

static bool forget(const void *memory)
{
	unsigned i = place(memory);
	bool found;

	if (memory == NULL)
		return false;
	pthread_mutex_lock(&table_lock);
	while (table[i] != NULL && table[i] != memory)
		i = (i + 1) % TABLE_SIZE;
	found = table[i] != NULL;
	if (found) {
		fill_gap(i);
		live--;
	}
	pthread_mutex_unlock(&table_lock);
	return found;
}

void *malloc(size_t size)
{
	if (strike("memory", CALLER))
		return NULL;
	return ours(CALLER) ? remember(__libc_malloc(size)) : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (strike("memory", CALLER))
		return NULL;
	return ours(CALLER) ? remember(__libc_calloc(count, size)) : __libc_calloc(count, size);
}

static void *resize(void *memory, size_t size, bool is_ours)
{
	bool known = forget(memory);
	void *moved = __libc_realloc(memory, size);

	if (moved == NULL && known)
		(void)remember(memory);
	return known || is_ours ? remember(moved) : moved;
}

void *realloc(void *memory, size_t size)
{
	if (strike("memory", CALLER))
		return NULL;
	return resize(memory, size, ours(CALLER));
}

void *reallocarray(void *memory, size_t count, size_t size)
{
	size_t bytes;

	if (strike("memory", CALLER))
		return NULL;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return resize(memory, bytes, ours(CALLER));
}

void free(void *memory)
{
	(void)forget(memory);
	__libc_free(memory);
}

char *strdup(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy;

	if (strike("memory", CALLER))
		return NULL;
	copy = __libc_malloc(bytes);
	if (copy != NULL)
		memcpy(copy, text, bytes);
	return ours(CALLER) ? remember(copy) : copy;
}

char *strndup(const char *text, size_t limit)
{
	size_t length = strnlen(text, limit);
	char *copy;

	if (strike("memory", CALLER))
		return NULL;
	copy = __libc_malloc(length + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return ours(CALLER) ? remember(copy) : copy;
}

int vasprintf(char **text, const char *format, va_list arguments)
{
	int (*real)(char **, const char *, va_list);
	int length;

	if (strike("memory", CALLER))
		return -1;
	next("vasprintf", &real);
	length = real(text, format, arguments);
	if (length >= 0 && ours(CALLER))
		(void)remember(*text);
	return length;
}

int __vasprintf_chk(char **text, int flag, const char *format, va_list arguments);
int __vasprintf_chk(char **text, int flag, const char *format, va_list arguments)
{
	int (*real)(char **, int, const char *, va_list);
	int length;

	if (strike("memory", CALLER))
		return -1;
	next("__vasprintf_chk", &real);
	length = real(text, flag, format, arguments);
	if (length >= 0 && ours(CALLER))
		(void)remember(*text);
	return length;
}

int __asprintf_chk(char **text, int flag, const char *format, ...);
int __asprintf_chk(char **text, int flag, const char *format, ...)
{
	int (*real)(char **, int, const char *, va_list);
	va_list arguments;
	int length;

	if (strike("memory", CALLER))
		return -1;
	next("__vasprintf_chk", &real);
	va_start(arguments, format);
	length = real(text, flag, format, arguments);
	va_end(arguments);
	if (length >= 0 && ours(CALLER))
		(void)remember(*text);
	return length;
}

FILE *open_memstream(char **text, size_t *size)
{
	FILE *(*real)(char **, size_t *);

	if (strike("memory", CALLER))
		return NULL;
	next("open_memstream", &real);
	return real(text, size);
}

locale_t newlocale(int mask, const char *name, locale_t base)
{
	locale_t (*real)(int, const char *, locale_t);

	if (strike("memory", CALLER))
		return (locale_t)0;
	next("newlocale", &real);
	return real(mask, name, base);
}

/* --- threads, signals, files */

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (strike("pthread_create", CALLER))
		return (int)fault_errno;
	next("pthread_create", &real);
	return real(thread, attributes, start, argument);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
	int (*real)(int, const sigset_t *, sigset_t *);

	if (strike("sigprocmask", CALLER))
		return -1;
	next("sigprocmask", &real);
	return real(how, set, before);
}

int sigaction(int signal, const struct sigaction *action, struct sigaction *before)
{
	int (*real)(int, const struct sigaction *, struct sigaction *);

	if (strike("sigaction", CALLER))
		return -1;
	next("sigaction", &real);
	return real(signal, action, before);
}

int signalfd(int fd, const sigset_t *set, int flags)
{
	int (*real)(int, const sigset_t *, int);

	if (strike("signalfd", CALLER))
		return -1;
	next("signalfd", &real);
	return real(fd, set, flags);
}

int eventfd(unsigned value, int flags)
{
	int (*real)(unsigned, int);

	if (strike("eventfd", CALLER))
		return -1;
	next("eventfd", &real);
	return real(value, flags);
}

int epoll_create1(int flags)
{
	int (*real)(int);

	if (strike("epoll_create", CALLER))
		return -1;
	next("epoll_create1", &real);
	return real(flags);
}

int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	int (*real)(int, int, int, struct epoll_event *);

	if (operation == EPOLL_CTL_ADD && strike("epoll_add", CALLER))
		return -1;
	next("epoll_ctl", &real);
	return real(epoll_fd, operation, fd, event);
}

int epoll_wait(int epoll_fd, struct epoll_event *ready, int most, int timeout_ms)
{
	int (*real)(int, struct epoll_event *, int, int);

	if (strike("epoll_wait", CALLER))
		return -1;
	next("epoll_wait", &real);
	return real(epoll_fd, ready, most, timeout_ms);
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...);
	va_list arguments;
	mode_t mode;

	if ((fault_path == NULL || strstr(path, fault_path) != NULL) && strike("open", CALLER))
		return -1;
	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	next("open", &real);
	return real(path, flags, mode);
}

int fstat(int fd, struct stat *status)
{
	int (*real)(int, struct stat *);

	if (strike("fstat", CALLER))
		return -1;
	next("fstat", &real);
	return real(fd, status);
}

ssize_t read(int fd, void *bytes, size_t size)
{
	ssize_t (*real)(int, void *, size_t);

	if (strike("read", CALLER))
		return -1;
	next("read", &real);
	return real(fd, bytes, size);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *(*real)(void *, size_t, int, int, int, off_t);

	if (strike("mmap", CALLER))
		return MAP_FAILED;
	next("mmap", &real);
	return real(address, length, protection, flags, fd, offset);
}

int madvise(void *address, size_t length, int advice)
{
	int (*real)(void *, size_t, int);

	if (strike("madvise", CALLER))
		return -1;
	next("madvise", &real);
	return real(address, length, advice);
}

/* --- sockets */

int socket(int family, int type, int protocol)
{
	int (*real)(int, int, int);

	if (strike("socket", CALLER))
		return -1;
	next("socket", &real);
	return real(family, type, protocol);
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t);

	if (strike("bind", CALLER))
		return -1;
	next("bind", &real);
	return real(fd, address, length);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t);

	if (strike("connect", CALLER))
		return -1;
	next("connect", &real);
	return real(fd, address, length);
}

int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
	int (*real)(int, __SOCKADDR_ARG, socklen_t *);

	if (strike("getsockname", CALLER))
		return -1;
	next("getsockname", &real);
	return real(fd, address, length);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	int (*real)(int, int, int, const void *, socklen_t);

	if (strike("setsockopt", CALLER))
		return -1;
	next("setsockopt", &real);
	return real(fd, level, option, value, length);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	int (*real)(int, int, int, void *, socklen_t *);

	if (strike("getsockopt", CALLER))
		return -1;
	next("getsockopt", &real);
	return real(fd, level, option, value, length);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *);

	if (strike("recvmmsg", CALLER))
		return -1;
	next("recvmmsg", &real);
	return real(fd, messages, count, flags, timeout);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int (*real)(int, struct mmsghdr *, unsigned, int);

	if (strike("sendmmsg", CALLER) ||
		(messages->msg_hdr.msg_iovlen > 1 && strike("sendmmsg_joined", CALLER)))
		return -1;
	next("sendmmsg", &real);
	return real(fd, messages, count, flags);
}

/* poll.h declares the descriptors as only written to. */
__attribute__((noinline)) static bool asks_for_input(uintptr_t fds)
{
	return ((const struct pollfd *)fds)->events & POLLIN;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int (*real)(struct pollfd *, nfds_t, int);

	if (strike(asks_for_input((uintptr_t)fds) ? "poll_in" : "poll_out", CALLER))
		return -1;
	next("poll", &real);
	return real(fds, count, timeout_ms);
}

/* --- the rest */

ssize_t write(int fd, const void *bytes, size_t size)
{
	ssize_t (*real)(int, const void *, size_t);

	if (strike("write", CALLER))
		return -1;
	next("write", &real);
	return real(fd, bytes, size);
}

int stat(const char *path, struct stat *status)
{
	int (*real)(const char *, struct stat *);

	if (strike("stat", CALLER))
		return -1;
	next("stat", &real);
	return real(path, status);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int);

	if (strike("send", CALLER))
		return -1;
	next("send", &real);
	return real(fd, bytes, size, flags);
}

ssize_t recvfrom(
	int fd, void *bytes, size_t size, int flags, __SOCKADDR_ARG from, socklen_t *length)
{
	ssize_t (*real)(int, void *, size_t, int, __SOCKADDR_ARG, socklen_t *);

	if (strike("recvfrom", CALLER))
		return -1;
	next("recvfrom", &real);
	return real(fd, bytes, size, flags, from, length);
}

int setpriority(__priority_which_t which, id_t who, int priority)
{
	int (*real)(__priority_which_t, id_t, int);

	if (strike("setpriority", CALLER))
		return -1;
	next("setpriority", &real);
	return real(which, who, priority);
}

int sigaltstack(const stack_t *stack, stack_t *before)
{
	int (*real)(const stack_t *, stack_t *);

	if (strike("sigaltstack", CALLER))
		return -1;
	next("sigaltstack", &real);
	return real(stack, before);
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	int (*real)(int, const sigset_t *, sigset_t *);

	if (strike("pthread_sigmask", CALLER))
		return (int)fault_errno;
	next("pthread_sigmask", &real);
	return real(how, set, before);
}

int sigpending(sigset_t *set)
{
	int (*real)(sigset_t *);

	if (strike("sigpending", CALLER))
		return -1;
	next("sigpending", &real);
	return real(set);
}

int pipe2(int fds[2], int flags)
{
	int (*real)(int[2], int);

	if (strike("pipe2", CALLER))
		return -1;
	next("pipe2", &real);
	return real(fds, flags);
}

int memfd_create(const char *name, unsigned flags)
{
	int (*real)(const char *, unsigned);

	if (strike("memfd_create", CALLER))
		return -1;
	next("memfd_create", &real);
	return real(name, flags);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[])
{
	int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
		const posix_spawnattr_t *, char *const[], char *const[]);

	if (strike("posix_spawn", CALLER))
		return (int)fault_errno;
	next("posix_spawn", &real);
	return real(pid, path, actions, attributes, arguments, environment);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t (*real)(pid_t, int *, int);

	if (strike("waitpid", CALLER))
		return -1;
	next("waitpid", &real);
	return real(pid, status, options);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
	ssize_t (*real)(int, void *, size_t, off_t);

	if (strike("pread", CALLER))
		return -1;
	next("pread", &real);
	return real(fd, bytes, size, offset);
}

/* The descriptor is closed all the same, as Linux has it. */
int close(int fd)
{
	int (*real)(int);
	int result;

	next("close", &real);
	result = real(fd);
	return strike("close", CALLER) ? -1 : result;
}

long syscall(long call, ...)
{
	long (*real)(long, ...);
	long arguments[6];
	va_list list;

	va_start(list, call);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (call == SYS_futex && (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT &&
		strike("futex_wait", CALLER))
		return -1;
	next("syscall", &real);
	return real(call, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		arguments[5]);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	const char *seconds = getenv("FAULT_SECONDS");
	int (*real)(clockid_t, struct timespec *);
	int result;

	next("clock_gettime", &real);
	result = real(id, now);
	if (id != CLOCK_REALTIME)
		return result;
	(void)strike("clock_step", CALLER);
	if (atomic_load(&fired) > 0 && strcmp(fault_call, "clock_step") == 0 && seconds != NULL)
		now->tv_sec += strtol(seconds, NULL, 10);
	return result;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAULT_REPORT");
	unsigned fds = 0;
	char text[128];
	int fd, length;

	if (path == NULL || is_child())
		return;
	for (int i = 0; i < 1024; i++)
		fds += fcntl(i, F_GETFD) >= 0;
	length = snprintf(text, sizeof(text), "calls=%lu fired=%lu live=%lu fds=%u\n",
		atomic_load(&calls), atomic_load(&fired), live, fds);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length)
		abort();
	close(fd);
}
