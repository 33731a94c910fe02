#!/bin/sh
# Version: iperf3 3.12-1+deb12u2 (Debian 12), a client with -u and a relay that loses the last 400 of 1,000 datagrams.
# Expected: the receiver's line says that 400 of 1,000 are lost, because client and server compare counts over TCP.
# Seen: it says 0/600 (0%). The server counts gaps below the highest number that it received, and takes that number
#	for the total. 400 lost in the middle are 400/1000 (40%). So a test at whose end a buffer overflows, a filter
#	closes or a path goes down has no loss: compare the totals of the lines "sender" and "receiver".
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='iperf3=3.12-1+deb12u2 libiperf0=3.12-1+deb12u2 libsctp1=1.0.19+dfsg-2'
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
for library in usr/lib/*/libiperf.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/iperf3 --version >/dev/null 2>&1 || cannot 'iperf3 does not start: a library is missing'
timeout 60 python3 - usr/bin/iperf3 <<'END_OF_PYTHON'
import json
import socket
import subprocess
import sys
import threading
import time

DATAGRAMS = 1000


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(20)
    return made


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def relay_stream(listener, port):
    """The control connection, untouched."""
    client = listener.accept()[0]
    server = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)


def relay_datagrams(front, port, lost):
    """The datagrams, but for those of the places in lost; the first is iperf3's greeting and has place 0."""
    back = udp()
    try:
        data, address = front.recvfrom(65536)
        back.sendto(data, ("127.0.0.1", port))
        front.sendto(back.recv(65536), address)
        for place in range(1, DATAGRAMS + 10):
            data = front.recv(65536)
            if place not in lost:
                back.sendto(data, ("127.0.0.1", port))
    except TimeoutError:
        pass


def measure(lost):
    """The receiver's view: datagrams lost, their total."""
    with udp() as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.argv[1], "-s", "-1", "-B", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while f":{port:04X} " not in open("/proc/net/tcp").read():
            if server.poll() is not None or time.monotonic() > end:
                print("skipped: iperf3 does not listen here")
                sys.exit(77)
            time.sleep(0.05)
        front = udp()
        listener = socket.create_server(front.getsockname())
        for target, words in ((relay_stream, (listener, port)), (relay_datagrams, (front, port, lost))):
            threading.Thread(target=target, args=words, daemon=True).start()
        done = subprocess.run(
            [sys.argv[1], "-u", "-J", "-c", "127.0.0.1", "-p", str(front.getsockname()[1]), "-k", str(DATAGRAMS),
             "-l", "200", "-b", "2M"], stdout=subprocess.PIPE, timeout=30)
        total = json.loads(done.stdout)["end"]["sum_received"]
        return total["lost_packets"], total["packets"]
    finally:
        server.kill()
        server.wait()


middle, tail = measure(range(301, 701)), measure(range(601, DATAGRAMS + 10))
print(f"seen: 400 of {DATAGRAMS} lost in the middle were {middle[0]} of {middle[1]}, "
      f"at the end {tail[0]} of {tail[1]}")
sys.exit(not (350 < middle[0] <= 400 and middle[1] > 900 and tail[0] < 10 and tail[1] < 650))
END_OF_PYTHON
