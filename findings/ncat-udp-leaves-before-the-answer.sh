#!/bin/sh
# Version: ncat 7.93+dfsg1-1 (Debian 12) as a UDP client.
# Expected: "echo hello | ncat -u HOST PORT" prints the answer: it waits for a while, or for ever.
# Seen: at the end of its input ncat leaves, with status 0, and -i and -w do not hold it. An answer
#	is printed only if it wins that race, so a service that takes its time looks dead. It is
#	seen with input that stays open: { echo hello; sleep 1; } | ncat -u HOST PORT.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
for package in ncat=7.93+dfsg1-1 liblua5.3-0=5.3.6-2 libpcap0.8=1.10.3-1; do
	timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
done
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/liblua5.3.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/ncat --version >/dev/null 2>&1 ||
	cannot 'ncat does not start: a library is missing'
timeout 90 python3 - usr/bin/ncat <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import time


def ask(*options, wait=0):
    """What ncat got, and what it printed, from a server that answers after a second."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    program = subprocess.Popen(
        [sys.argv[1], "-u", *options, "127.0.0.1", str(server.getsockname()[1])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    program.stdin.write(b"hello\n")
    program.stdin.flush()
    if not wait:
        program.stdin.close()
    try:
        _, address = server.recvfrom(100)
        time.sleep(1)
        server.sendto(b"answer", address)
        time.sleep(wait)
        program.stdin.close()
        return program.wait(20), program.stdout.read()
    finally:
        program.kill()
        program.wait()


at_end = [ask(), ask("-i", "5"), ask("-w", "5")]
kept_open = ask(wait=3)
print(f"seen: at the end of input ncat -u, -u -i 5, -u -w 5 gave {at_end}; "
      f"with input kept open {kept_open}")
sys.exit(at_end != [(0, b"")] * 3 or kept_open[1] != b"answer")
END_OF_PYTHON
