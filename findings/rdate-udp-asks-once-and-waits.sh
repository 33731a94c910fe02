#!/bin/sh
# Version: rdate 1:1.11-3 (Debian 12), rdate -u (the time protocol over UDP) and rdate -n (SNTP), a server that is silent.
# Expected: both ask some times and give up with a status that is not 0, -u too as UDP loses datagrams; -t is the limit.
# Seen: -n asks 25 times in 15 seconds and ends with 1. -u sends one empty datagram and waits for the answer without an
#	end, also with -t, which says how many milliseconds may have passed for a time to be set, and ends no wait.
#	So one lost datagram, or a service that sheds load, holds up a boot script for good, and cron collects one rdate
#	a run: timeout 5 rdate -u ...
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='rdate=1:1.11-3 libbsd0=0.11.7-2 libmd0=1.0.4-2'
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
for library in usr/lib/*/libbsd.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/sbin/rdate >/dev/null 2>&1
[ $? -lt 126 ] || cannot 'rdate does not start: a library is missing'
timeout 60 python3 - usr/sbin/rdate <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import time


class Asked:
    """An rdate that asks a socket of ours, which stays silent."""

    def __init__(self, option):
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.program = subprocess.Popen(
            [sys.argv[1], option, "-p", "-t", "2000", "-o", str(self.server.getsockname()[1]), "127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def datagrams(self):
        self.server.settimeout(0)
        count = 0
        try:
            while True:
                self.server.recv(2000)
                count += 1
        except BlockingIOError:
            return count


time_protocol, sntp = Asked("-u"), Asked("-n")
try:
    begun = time.monotonic()
    status = sntp.program.wait(40)
    took = time.monotonic() - begun
    waits = time_protocol.program.poll() is None
    counts = time_protocol.datagrams(), sntp.datagrams()
finally:
    for asked in time_protocol, sntp:
        asked.program.kill()
        asked.program.wait()
print(f"seen: rdate -n sent {counts[1]} datagrams and ended with {status} after {took:.0f} s; by then rdate -u -t 2000 "
      f"had sent {counts[0]} and {'still waited' if waits else 'had ended'}")
sys.exit(status != 1 or not waits or counts[0] != 1 or counts[1] < 10)
END_OF_PYTHON
