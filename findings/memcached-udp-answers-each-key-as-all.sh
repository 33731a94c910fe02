#!/bin/sh
# Version: memcached 1.6.18-1+deb12u1 (Debian 12), memcached -U, a get of several keys.
# Expected: the answer is one message: its datagrams are numbered from 0, each with the total, as protocol.txt of
#	memcached has it, and joined in that order they end with "END".
# Seen: each value that is found is a message of its own, under the one request id: two short ones are two datagrams,
#	both numbered 0 of 1, where one would hold both; a value of four datagrams between them is numbered 0 to 3 of 4. Only
#	the last message has "END". So a client that follows protocol.txt takes the first value for the whole answer,
#	or puts one value's datagram in another's place. A get of one key is right: ask for keys one by one.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='memcached=1.6.18-1+deb12u1 libevent-2.1-7=2.1.12-stable-8+deb12u1'
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
for library in usr/lib/*/libevent-2.1.so.7; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/memcached -V >/dev/null 2>&1 || cannot 'memcached does not start here'
timeout 60 python3 - usr/bin/memcached <<'END_OF_PYTHON'
import socket
import struct
import subprocess
import sys
import time

client, free = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
free.bind(("127.0.0.1", 0))
port = free.getsockname()[1]
free.close()
client.settimeout(10)


def ask(number, text, end):
    """Sequence number, total and payload of each datagram up to the one that ends with `end`."""
    client.send(struct.pack("!4H", number, 0, 1, 0) + text)
    found = []
    while not found or not found[-1][2].endswith(end):
        data = client.recv(9000)
        request, sequence, total, _ = struct.unpack("!4H", data[:8])
        assert request == number
        found.append((sequence, total, data[8:]))
    return found


program = subprocess.Popen(
    [sys.argv[1], "-u", "nobody", "-l", "127.0.0.1", "-p", "0", "-U", str(port), "-t", "1", "-m", "16"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    end = time.monotonic() + 20
    while f":{port:04X} " not in open("/proc/net/udp").read():
        if program.poll() is not None or time.monotonic() > end:
            print("skipped: memcached does not listen here")
            sys.exit(77)
        time.sleep(0.05)
    client.connect(("127.0.0.1", port))
    for number, (key, length) in enumerate(((b"short", 3), (b"long", 5000))):
        ask(number, b"set %s 0 0 %d\r\n%s\r\n" % (key, length, b"x" * length), b"STORED\r\n")
    numbered = {}
    for number, keys in enumerate(("long", "short", "short short", "short long short"), 2):
        found = ask(number, b"get %s\r\n" % keys.encode(), b"END\r\n")
        numbered[keys] = [f"{sequence} of {total}" for sequence, total, _ in found]
finally:
    program.kill()
    program.wait()
print("seen: " + "; ".join(f"get {keys}: {', '.join(found)}" for keys, found in numbered.items()))
LONG = ["0 of 4", "1 of 4", "2 of 4", "3 of 4"]
sys.exit(list(numbered.values()) != [LONG, ["0 of 1"], ["0 of 1"] * 2, ["0 of 1", *LONG, "0 of 1"]])
END_OF_PYTHON
