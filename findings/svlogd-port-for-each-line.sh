#!/bin/sh
# Version: svlogd of runit 2.1.2-54 (Debian 12), with a line "uADDRESS:PORT" in its config.
# Expected: svlogd sends its lines from one socket, each without its newline, and cuts what is
#	longer than -l says to that length.
# Seen: each line comes from a socket, and so from a port, of its own; its newline is sent; a cut
#	line is 4 bytes longer than -l, because "..." and the newline follow. To a receiver that
#	tells clients by address and port, 6 lines are 6 clients, and nothing keeps their order.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
package=runit=2.1.2-54
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
dpkg -x ./*.deb . || cannot 'cannot unpack'
timeout 60 python3 - usr/bin/svlogd <<'END_OF_PYTHON'
import os
import socket
import subprocess
import sys

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(2)
os.mkdir("log")
with open("log/config", "w") as config:
    config.write("u127.0.0.1:%d\n" % receiver.getsockname()[1])
lines = ["one", "two", "three", "four", "five", "x" * 300]
subprocess.run(
    [sys.argv[1], "-l", "200", "log"], input="".join(f"{line}\n" for line in lines), text=True,
    stderr=subprocess.DEVNULL, timeout=20)
found = []
try:
    while True:
        found.append(receiver.recvfrom(9000))
except TimeoutError:
    pass
texts = sorted(data.decode() for data, _ in found)
ports = len({address for _, address in found})
longest = max(texts, key=len, default="")
print(f"seen: {len(found)} lines came from {ports} ports, the one of 300 bytes as {len(longest)}, "
      f"ending {longest[-6:]!r}")
wanted = sorted([f"{line}\n" for line in lines[:5]] + ["x" * 200 + "...\n"])
sys.exit(texts != wanted or ports < 5)  # two of six random ports may be the same
END_OF_PYTHON
