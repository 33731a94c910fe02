#!/bin/sh
# Version: pen 0.34.1-2+b1 (Debian 12), pen -U, relaying UDP to UDP on loopback.
# Expected: a datagram of any length is relayed, in both directions, or the longest are refused with a line.
# Seen: after an empty request nothing of that client is relayed any more, in either direction; after an empty
#	answer its requests arrive and the answers do not. The client's address and port stay dead, the other
#	clients are well. What is longer than 32,768 bytes arrives cut to that. Nothing is logged. So one
#	keep-alive or one answer without content, as time services and games have them, ends a session for good.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='pen=0.34.1-2+b1 libgeoip1=1.6.12-10'
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
for library in usr/lib/*/libGeoIP.so.1; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 60 python3 - usr/bin/pen <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import time


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(1)
    return made


def reach(server, client, request, answer=b"answer"):
    """The lengths that arrived at the server, and back at the client; None for what did not."""
    client.sendto(request, ("127.0.0.1", port))
    try:
        asked, address = server.recvfrom(65536)
    except TimeoutError:
        return None, None
    server.sendto(answer, address)
    try:
        return len(asked), len(client.recv(65536))
    except TimeoutError:
        return len(asked), None


server, relay = udp(), udp()
port = relay.getsockname()[1]
relay.close()
program = subprocess.Popen(
    [sys.argv[1], "-U", "-f", f"127.0.0.1:{port}", f"127.0.0.1:{server.getsockname()[1]}"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    end = time.monotonic() + 20
    while f":{port:04X} " not in open("/proc/net/udp").read():
        if program.poll() is not None or time.monotonic() > end:
            print("skipped: pen does not start here")
            sys.exit(77)
        time.sleep(0.05)
    asks, answers, other = udp(), udp(), udp()
    empty_request = [reach(server, asks, data) for data in (b"1", b"", b"2", b"3")]
    empty_answer = [reach(server, answers, b"1"), reach(server, answers, b"2", b""),
                    reach(server, answers, b"3")]
    long = [reach(server, other, b"1"), reach(server, other, b"x" * 60000)]
finally:
    program.kill()
    program.wait()
print(f"seen: requests of 1, 0, 1, 1 bytes and their answers: {empty_request}; around an empty answer: "
      f"{empty_answer}; of 60000 bytes {long[1][0]} arrived")
sys.exit(empty_request != [(1, 6)] + [(None, None)] * 3 or long != [(1, 6), (32768, 6)]
         or empty_answer[0] != (1, 6) or [back for _, back in empty_answer[1:]] != [None, None])
END_OF_PYTHON
