#!/bin/sh
# Version: pthread_setname_np(3) of glibc 2.36 (Debian 12), in a process that root started and that became another user.
# Expected: a process may name its own threads, whoever it is.
# Seen: EACCES for each thread but the calling one, because glibc writes /proc/self/task/TID/comm for another thread, and
#	the change of user made these files root's: the process is not dumpable any more. A thread can name itself
#	(prctl(2), PR_SET_NAME), and a process that makes itself dumpable again can name all. So a UDP server that
#	binds as root, gives that up and names its threads from the main one has all of them under one name in top -H.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
getconf GNU_LIBC_VERSION >/dev/null 2>&1 || cannot 'no glibc'
[ "$(id -u)" = 0 ] || cannot 'not root, who alone can become another user'
timeout 30 python3 - "$(getconf GNU_LIBC_VERSION)" <<'END_OF_PYTHON'
import ctypes
import os
import sys
import threading

NOBODY, PR_SET_DUMPABLE, PR_SET_NAME = 65534, 4, 15
libc = ctypes.CDLL(None)
libc.pthread_setname_np.argtypes = [ctypes.c_ulong, ctypes.c_char_p]
named, done, results = threading.Event(), threading.Event(), []


def wait():
    results.append(libc.prctl(PR_SET_NAME, b"itself", 0, 0, 0))
    named.set()
    done.wait()


os.setgroups([])
os.setresgid(NOBODY, NOBODY, NOBODY)
os.setresuid(NOBODY, NOBODY, NOBODY)
thread = threading.Thread(target=wait)
thread.start()
named.wait()
results.append(libc.pthread_setname_np(thread.ident, b"other"))
libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
results.append(libc.pthread_setname_np(thread.ident, b"other"))
done.set()
thread.join()
print(f"seen: {sys.argv[1]}: as another user, a thread names itself: {results[0]}; another one: error {results[1]}; "
      f"and once it is dumpable again: {results[2]}")
sys.exit(results != [0, 13, 0])
END_OF_PYTHON
