#!/bin/sh
# Version: hping3 3.a2.ds2-10 (Debian 12) with --udp, in a network namespace of its own.
# Expected: to a port on which nobody listens all is lost, and the status is 1.
# Seen: the kernel's "port unreachable" counts as a packet received: a closed port has 0% loss and
#	status 0. A service that is up and rightly says nothing has 100% loss and status 1. So a
#	check by hping3's status takes a dead service for alive, and a silent one for dead.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
unshare -n true 2>/dev/null || cannot 'no network namespace of our own'
cd "$dir" || exit 1
for package in hping3=3.a2.ds2-10 libpcap0.8=1.10.3-1 libtcl8.6=8.6.13+dfsg-2; do
	timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
done
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/libtcl8.6.so; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/sbin/hping3 --version >/dev/null 2>&1 || cannot 'hping3 does not start here'
timeout 60 unshare -n python3 - usr/sbin/hping3 <<'END_OF_PYTHON'
import fcntl
import re
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def ping(port):
    """The loss in percent that hping3 reports, and its status."""
    done = subprocess.run(
        [sys.argv[1], "--udp", "-n", "-p", str(port), "-c", "2", "-i", "u200000", "127.0.0.1"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=25)
    loss = re.search(r"(-?\d+)% packet loss", done.stdout)
    if not loss:
        print("skipped: hping3 cannot send here")
        sys.exit(77)
    return int(loss[1]), done.returncode


silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 20000))
closed, up = ping(20001), ping(20000)
silent.setblocking(False)
arrived = len(silent.recv(100)) == 0
print(f"seen: a closed port has {closed[0]}% loss and status {closed[1]}, "
      f"a silent service that got the requests {up[0]}% and {up[1]}")
sys.exit((closed, up, arrived) != ((0, 0), (100, 1), True))
END_OF_PYTHON
