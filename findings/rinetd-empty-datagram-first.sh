#!/bin/sh
# Version: rinetd 0.73-1 (Debian 12), relaying UDP to UDP on loopback.
# Expected: the server receives what the client sent, and each answer belongs to one request.
# Seen: for each new client the server first receives an empty datagram, which no client sent. A
#	server that answers empty datagrams answers twice, and the client takes the first answer,
#	which is of the empty one, for its own; from then on it is one answer behind.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
package=rinetd=0.73-1
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
dpkg -x ./*.deb . || cannot 'cannot unpack'
timeout 60 python3 - usr/sbin/rinetd <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import time


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(1)
    return made


def received(by):
    found = []
    try:
        while True:
            found.append(by.recvfrom(9000))
    except TimeoutError:
        return found


server, client, relay = udp(), udp(), udp()
port = relay.getsockname()[1]
relay.close()
with open("rinetd.conf", "w") as conf:
    conf.write(f"127.0.0.1 {port}/udp 127.0.0.1 {server.getsockname()[1]}/udp\n")
program = subprocess.Popen([sys.argv[1], "-f", "-c", "rinetd.conf"], stderr=subprocess.DEVNULL)
try:
    end = time.monotonic() + 20
    while f":{port:04X} " not in open("/proc/net/udp").read():
        if program.poll() is not None or time.monotonic() > end:
            print("skipped: rinetd does not start here")
            sys.exit(77)
        time.sleep(0.05)
    client.sendto(b"one", ("127.0.0.1", port))
    requests = received(server)
    for data, address in requests:
        server.sendto(b"answer to %r" % data, address)
    answers = [data.decode() for data, _ in received(client)]
finally:
    program.kill()
    program.wait()
data = [data for data, _ in requests]
print(f"seen: the client sent 1 datagram, the server received {data}, the client got {answers}")
sys.exit(data != [b"", b"one"] or len(answers) != 2)
END_OF_PYTHON
