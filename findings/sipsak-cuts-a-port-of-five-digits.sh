#!/bin/sh
# Version: sipsak 0.9.8.1-1 (Debian 12), sipsak -s sip:USER@HOST:PORT.
# Expected: the request names the address that was given, and the port that the datagram comes from.
# Seen: a port of five digits loses its last in Request-URI and To: of 35060 they say 3506, while the datagram goes
#	to 35060. A port of four is whole. Via, From and Contact name a port of sipsak's that is not the one
#	that the datagram came from (Via has "rport"). So a service or proxy that checks whether a request is
#	for itself, or routes by it, answers 404 or sends it elsewhere, and its check by sipsak fails.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='sipsak=0.9.8.1-1 libc-ares2=1.18.1-3'
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
for library in usr/lib/*/libcares.so.2; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/sipsak --version >/dev/null 2>&1
[ $? -lt 126 ] || cannot 'sipsak does not start: a library is missing'
timeout 60 python3 - usr/bin/sipsak <<'END_OF_PYTHON'
import re
import socket
import subprocess
import sys


def asked(ports):
    """The port that was bound, those in Request-URI and To, the one in Via, the one that the datagram came from."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in ports:
        try:
            server.bind(("127.0.0.1", port))
            break
        except OSError:
            continue
    server.settimeout(10)
    program = subprocess.Popen(
        [sys.argv[1], "-s", f"sip:alice@127.0.0.1:{port}"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        data, address = server.recvfrom(9000)
    finally:
        program.kill()
        program.wait()
    text = data.decode()
    named = [int(re.search(pattern, text)[1]) for pattern in (
        r"^OPTIONS sip:alice@127\.0\.0\.1:(\d+) ", r"\nTo: sip:alice@127\.0\.0\.1:(\d+)",
        r"\nVia: SIP/2\.0/UDP 127\.0\.0\.1:(\d+)")]
    return port, *named, address[1]


long, short = asked(range(35060, 35160)), asked(range(5060, 5160))
print("seen: port, Request-URI, To, Via, source:", *long, "and", *short)
sys.exit(long[1:3] != (long[0] // 10,) * 2 or short[1:3] != (short[0],) * 2 or long[3] == long[4])
END_OF_PYTHON
