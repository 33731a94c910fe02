#!/bin/sh
# Version: tftp-hpa 5.2+20150808-1.4 (Debian 12), tftp HOST PORT -c get FILE, in a script.
# Expected: when the server refuses, the status is not 0, and no file is left, or the one that was there.
# Seen: the status is 0, as after a success, and the file is empty: it was emptied when the request was sent. Only a
#	server that never answers gives a status, 69, after 25 seconds. So a boot script or a check of a service
#	that looks at the status, or for the file, takes what was refused for had. atftp ends with 255.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='tftp-hpa=5.2+20150808-1.4'
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
echo quit | timeout 10 usr/bin/tftp >/dev/null 2>&1 || cannot 'tftp does not start: a library is missing'
timeout 60 python3 - usr/bin/tftp <<'END_OF_PYTHON'
import os
import socket
import struct
import subprocess
import sys
import threading

REFUSAL = struct.pack("!HH", 5, 1) + b"File not found\0"
CONTENT = struct.pack("!HH", 3, 1) + b"text"


def get(answer):
    """The status of a transfer of "file", which was there with old text, and what is in it after."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(10)
    with open("file", "w") as file:
        file.write("old")

    thread = threading.Thread(target=lambda: server.sendto(answer, server.recvfrom(600)[1]))
    thread.start()
    try:
        status = subprocess.run(
            [sys.argv[1], "127.0.0.1", str(server.getsockname()[1]), "-c", "get", "file"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=40).returncode
    finally:
        thread.join()
    return status, os.path.getsize("file")


given, refused = get(CONTENT), get(REFUSAL)
print(f"seen: status and size of the file after a success {given}, after a refusal {refused}")
sys.exit([given, refused] != [(0, 4), (0, 0)])
END_OF_PYTHON
