#!/bin/sh
# Version: PHP 8.2 (php8.2-cli 8.2.36-1~deb12u1, Debian 12), stream_socket_server("udp://...") with
#	STREAM_SERVER_BIND, and stream_socket_client("udp://...").
# Expected: a datagram socket has no end, so feof() is false as long as it is open; fwrite() of an empty string sends
#	an empty datagram.
# Seen: while an empty datagram is the next in the socket, feof() takes it for the end, and stays true from then on,
#	although later datagrams are still read. So a server or client written as the manual writes it for streams,
#	while (!feof($socket)), leaves at the first empty datagram. fwrite($socket, "") sends nothing and returns 0.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='php8.2-cli=8.2.36-1~deb12u1'
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
timeout 10 usr/bin/php8.2 -n -r '' >/dev/null 2>&1 || cannot 'php does not start: a library is missing'
timeout 60 python3 - usr/bin/php8.2 <<'END_OF_PYTHON'
import socket
import subprocess
import sys

SERVER = r"""
$s = stream_socket_server("udp://127.0.0.1:0", $e, $m, STREAM_SERVER_BIND);
echo stream_socket_get_name($s, false), "\n";
fgets(STDIN);
for ($i = 0; $i < 4; $i++)
    echo feof($s) ? "end" : "open", " ", stream_socket_recvfrom($s, 100), "\n";
"""
CLIENT = r"""
$s = stream_socket_client("udp://" . $argv[1], $e, $m);
var_dump(fwrite($s, ""), fwrite($s, "text"));
"""


def php(code, *words):
    return subprocess.Popen(
        [sys.argv[1], "-n", "-r", code, "--", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)


server = php(SERVER)
try:
    host, port = server.stdout.readline().strip().rsplit(":", 1)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for data in (b"one", b"", b"two", b"three"):
        sender.sendto(data, (host, int(port)))
    lines = server.communicate("\n", timeout=20)[0].split("\n")[:4]
finally:
    server.kill()
    server.wait()
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(10)
said = php(CLIENT, "127.0.0.1:%d" % receiver.getsockname()[1]).communicate(timeout=20)[0].split()
first = receiver.recv(100)
print(f"seen: feof() before each of four datagrams, the second empty: {lines}; "
      f"fwrite of '' and 'text' said {said}, first came {first}")
sys.exit(lines != ["open one", "end ", "end two", "end three"] or first != b"text" or said != ["int(0)", "int(4)"])
END_OF_PYTHON
