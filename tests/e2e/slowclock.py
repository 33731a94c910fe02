"""Time that the test steers, for the daemon's threads that run handlers.

A library for LD_PRELOAD stands in for clock_gettime(2): in threads named dgram/w* and dgram/rx* the
wall clock can be years ahead. And it stands in for nanosleep(2): a worker, in a thread named
dgram/w*, that would sleep (in the service "simulate", see HELD) can be held until the test lets it
go.
"""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_named(const char *prefix)
{
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* One byte is added to the file for each worker that is held. */
static void hold(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "x", 1) == 1)
		while (access(path, F_OK) == 0)
			usleep(1000);
	close(fd);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	const char *ahead = getenv("TEST_CLOCK_AHEAD_S");
	int result = (int)syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_REALTIME && ahead != NULL && (is_named("dgram/w") || is_named("dgram/rx")))
		now->tv_sec += atoll(ahead);
	return result;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	const char *path = getenv("TEST_CLOCK_HOLD");

	if (path == NULL || !is_named("dgram/w"))
		return (int)syscall(SYS_nanosleep, time, left);
	hold(path);
	return 0;
}
"""

# A service, which echoes, whose every request can be held.
HELD = {"handler": "simulate", "options": {"block_us": 1}}


class SlowClock:
    """The library, built for one test. With `hold`, each worker that would sleep is held until
    release(). With `ahead_s`, datagrams seem to have waited for as long: max_wait_ms must be 0.
    Log lines are stamped with that clock, too: keep those threads from logging meanwhile."""

    def __init__(self, case, *, ahead_s=0, hold=False):
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if not compiler:
            raise unittest.SkipTest("no C compiler to build the test's clock with")
        self._directory = tempfile.mkdtemp(prefix="dgramd-clock-")
        case.addCleanup(shutil.rmtree, self._directory, ignore_errors=True)
        library = os.path.join(self._directory, "clock.so")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-w", "-x", "c", "-o", library, "-"],
            input=SOURCE, text=True, check=True)
        self._hold = os.path.join(self._directory, "hold")
        self.environment = {
            "LD_PRELOAD": library,
            # The sanitizers want to be the first library.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
            "TEST_CLOCK_AHEAD_S": str(ahead_s),
        }
        if hold:
            with open(self._hold, "wb"):
                pass
            self.environment["TEST_CLOCK_HOLD"] = self._hold
            case.addCleanup(self.release)

    def held(self):
        """How many workers are held now; none any more after release()."""
        return os.path.getsize(self._hold) if os.path.exists(self._hold) else 0

    def release(self):
        if os.path.exists(self._hold):
            os.unlink(self._hold)


def ahead_of(date):
    """Seconds from now to a moment, in Unix time."""
    return int(date - time.time())
