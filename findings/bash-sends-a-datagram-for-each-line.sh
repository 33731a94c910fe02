#!/bin/sh
# Version: bash 5.2.15 (Debian 12), printf and echo with >/dev/udp/HOST/PORT.
# Expected: what one printf writes is one datagram, or, as it goes through stdio, one for each 4,096 bytes.
# Seen: each newline ends a datagram: printf 'a\nb\nc' sends "a\n", "b\n" and "c", so a request of several lines, a
#	message of SIP or SSDP or a batch of statsd's, arrives as as many requests. A line above 4,096 bytes is several,
#	too. And printf '' sends nothing. cat <<<"$text" >/dev/udp/HOST/PORT sends the lines as one.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='bash=5.2.15-2+b13'
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
timeout 10 bin/bash -c : || cannot 'bash does not start: a library is missing'
timeout 60 python3 - bin/bash <<'END_OF_PYTHON'
import socket
import subprocess
import sys


def sent(command):
    """What arrives of a command that writes to $to, before an end mark of our own."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(10)
    port = server.getsockname()[1]
    subprocess.run(
        [sys.argv[1], "-c", f"to=/dev/udp/127.0.0.1/{port}; {command}"], check=True, timeout=20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.sendto(b"end mark", ("127.0.0.1", port))
    found = []
    while not found or found[-1] != b"end mark":
        found.append(server.recv(65536))
    return found[:-1]


lines = sent(r"printf 'a\nb\nc' >$to")
batch = sent(r"echo -e 'x:1|c\ny:2|c' >$to")
long = [len(data) for data in sent("printf '%9000s' z >$to")]
empty = sent("printf '' >$to")
cat = sent(r"cat <<<$'a\nb' >$to")
print(f"seen: three lines of one printf came as {lines}, 9000 bytes as {long}, no bytes as {empty}; by cat {cat}")
sys.exit(lines != [b"a\n", b"b\n", b"c"] or batch != [b"x:1|c\n", b"y:2|c\n"] or len(long) < 2 or empty or
         cat != [b"a\nb\n"])
END_OF_PYTHON
