#!/bin/sh
# Version: catatonit 0.1.7-1+b2 (Debian 12), the init of podman run --init, beside tini 0.19.0 and dumb-init 1.2.5.
# Expected: the program starts with the signal mask that its starter had, as under tini and dumb-init.
# Seen: SIGTSTP, SIGTTIN and SIGTTOU are blocked in it, and, as a mask is inherited, in all that it starts. So
#	kill -TSTP and Ctrl-Z do nothing, while SIGSTOP works, and a program that takes the mask it started with for
#	an empty one, or uses one of the three as a command, waits for ever.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='catatonit=0.1.7-1+b2 tini=0.19.0-1+b3 dumb-init=1.2.5-2'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
# shellcheck disable=SC2086
timeout 120 apt-get -qq download $packages >apt.log 2>&1 || cannot "no packages $packages"
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
timeout 60 python3 - "$(command -v python3)" <<'END_OF_PYTHON'
import subprocess
import sys

PROGRAM = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('SigBlk')][0])"
STOP_SIGNALS = 1 << 19 | 1 << 20 | 1 << 21  # SIGTSTP, SIGTTIN, SIGTTOU


def mask(*init):
    """The signals that a program finds blocked."""
    try:
        done = subprocess.run(
            [*init, sys.argv[1], "-c", PROGRAM], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, timeout=20)
        return int(done.stdout, 16)
    except (OSError, ValueError):
        print(f"skipped: {init} does not start here")
        sys.exit(77)


plain, catatonit = mask(), mask("usr/bin/catatonit", "--")
others = [mask("usr/bin/tini", "-s", "--"), mask("usr/bin/dumb-init")]
print(f"seen: blocked without an init {plain:#x}, under catatonit {catatonit:#x}, tini {others[0]:#x}, "
      f"dumb-init {others[1]:#x}")
sys.exit(catatonit & ~plain != STOP_SIGNALS or others != [plain, plain])
END_OF_PYTHON
