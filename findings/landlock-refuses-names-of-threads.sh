#!/bin/sh
# Version: pthread_setname_np(3) of glibc 2.36 (Debian 12), in a process that landlock(7) of this kernel lets write nowhere.
# Expected: a process may name its own threads: no file of anybody's is written.
# Seen: EACCES for each thread but the calling one, because glibc opens /proc/self/task/TID/comm for writing, which
#	another user's process may do for its own threads, and one under Landlock may not. A thread can name itself
#	(prctl(2), PR_SET_NAME). So a UDP server that enters Landlock first and names its threads from the main one
#	has all of them under one name in top -H.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
getconf GNU_LIBC_VERSION >/dev/null 2>&1 || cannot 'no glibc'
timeout 30 python3 - "$(getconf GNU_LIBC_VERSION)" <<'END_OF_PYTHON'
import ctypes
import struct
import sys
import threading

PR_SET_NAME, PR_SET_NO_NEW_PRIVS = 15, 38
CREATE_RULESET, RESTRICT_SELF, VERSION = 444, 446, 1
WRITE_FILE = 2
libc = ctypes.CDLL(None, use_errno=True)
libc.pthread_setname_np.argtypes = [ctypes.c_ulong, ctypes.c_char_p]
libc.pthread_self.restype = ctypes.c_ulong
named, done, results = threading.Event(), threading.Event(), []


def wait():
    named.set()
    done.wait()


version = libc.syscall(CREATE_RULESET, None, 0, VERSION)
if version <= 0:
    print("skipped: no Landlock in this kernel")
    sys.exit(77)
thread = threading.Thread(target=wait)
thread.start()
named.wait()
results.append(libc.pthread_setname_np(thread.ident, b"other"))
rules = libc.syscall(CREATE_RULESET, struct.pack("Q", WRITE_FILE), 8, 0)
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
results.append(libc.syscall(RESTRICT_SELF, rules, 0))
results.append(libc.pthread_setname_np(thread.ident, b"other"))
results.append(libc.prctl(PR_SET_NAME, b"itself", 0, 0, 0))
done.set()
thread.join()
print(f"seen: {sys.argv[1]}, Landlock {version}: naming another thread gives {results[0]} before, {results[2]} after; "
      f"naming the calling one after: {results[3]}")
sys.exit(results != [0, 0, 13, 0])
END_OF_PYTHON
