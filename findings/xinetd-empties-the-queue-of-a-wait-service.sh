#!/bin/sh
# Version: xinetd 1:2.3.15.3-1+b1 (Debian 12), a service with socket_type = dgram and wait = yes, whose server
#	answers one datagram and ends.
# Expected: what the server has not read stays in the socket, and starts the server again, as inetd(8) has it and
#	as openbsd-inetd does it.
# Seen: when the server ends, xinetd itself reads the socket until it is empty and throws away what it read, without
#	a line in its log. Of 6 requests sent at once 1 is answered; sent so that the socket is empty each time a
#	server ends, all are. Every exit of a server by an idle time loses what arrived meanwhile.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='xinetd=1:2.3.15.3-1+b1 libwrap0=7.6.q-32 libtirpc3=1.3.3+ds-1 libnsl2=1.3.0-2'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
[ "$(id -u)" -eq 0 ] || cannot 'not root: xinetd starts servers as a user of its choice'
cd "$dir" || exit 1
chmod 755 .
# shellcheck disable=SC2086
timeout 120 apt-get -qq download $packages >apt.log 2>&1 || cannot "no packages $packages"
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/libwrap.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
cat >one <<END_OF_SERVER
#!$(command -v python3)
import socket
server = socket.socket(fileno=0)
data, address = server.recvfrom(100)
server.sendto(data, address)
END_OF_SERVER
chmod 755 one
timeout 60 python3 - usr/sbin/xinetd <<'END_OF_PYTHON'
import os
import socket
import subprocess
import sys
import time

REQUESTS = 6
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
with open("conf", "w") as conf:
    conf.write(f"""service any
{{
    type = UNLISTED
    socket_type = dgram
    protocol = udp
    wait = yes
    bind = 127.0.0.1
    port = {port}
    user = root
    server = {os.getcwd()}/one
}}
""")
xinetd = subprocess.Popen(
    [sys.argv[1], "-dontfork", "-f", "conf", "-filelog", "log", "-pidfile", "pid"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answers(wanted):
    """What came while a server was running, and until the last was gone."""
    found = 0
    end = time.monotonic() + 8
    client.settimeout(0.3)
    while time.monotonic() < end and not (found and idle() and found >= wanted):
        try:
            client.recv(100)
            found += 1
        except TimeoutError:
            if found and idle():
                return found
    return found


def idle():
    return not open(f"/proc/{xinetd.pid}/task/{xinetd.pid}/children").read()


try:
    end = time.monotonic() + 20
    while f":{port:04X} " not in open("/proc/net/udp").read():
        if xinetd.poll() is not None or time.monotonic() > end:
            print("skipped: xinetd does not start here")
            sys.exit(77)
        time.sleep(0.05)
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.1", port))
    for number in range(REQUESTS):
        client.send(b"%d" % number)
    at_once = answers(REQUESTS)
    in_turn = 0
    for number in range(2):
        client.send(b"%d" % number)
        in_turn += answers(1)
finally:
    xinetd.terminate()
    xinetd.wait()
print(f"seen: of {REQUESTS} requests at once {at_once} were answered, of 2 in turn {in_turn}")
sys.exit(at_once >= REQUESTS or in_turn != 2)
END_OF_PYTHON
