#!/bin/sh
# Version: Linux 6.18, connect(2) of a UDP socket, more than once, with two networks in a network namespace of its own.
# Expected: each connect() of a socket that was never bound chooses the source address anew, for the way to the new peer;
#	connect(2) has it that a UDP socket may be connected several times.
# Seen: the first choice stays, as if it had been bound. What was connected to a server on one network leaves for one on
#	another with the first one's address, without an error, so the answer goes astray. First connected to
#	127.0.0.1, the second connect() fails with EINVAL. When the address is taken from the interface and another given, each
#	send() and each connect() fails with ENETUNREACH, "Network is unreachable", while a new socket reaches it. Through
#	connect() to AF_UNSPEC first, all is as expected. So a client that goes on to its next server, or asks again
#	after its address has changed, by connect() alone, stays deaf or dead.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
command -v ip >/dev/null || cannot 'no ip'
unshare -n ip link add one type veth peer name other 2>/dev/null ||
	cannot 'no network namespace of our own, or no veth in it'
timeout 60 unshare -n python3 - <<'END_OF_PYTHON'
import ctypes
import errno
import socket
import subprocess
import sys

LIBRARY = ctypes.CDLL(None)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def udp(*peers, between=False):
    """The errors, if any, and the source address of a socket connected to one peer after another."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    result = []
    for peer in peers:
        if between:
            LIBRARY.connect(made.fileno(), bytes(16), 16)  # AF_UNSPEC
        error = made.connect_ex((peer, 9))
        result.append(errno.errorcode[error] if error else made.getsockname()[0])
    return made, result


def send(made):
    try:
        return made.send(b"x")
    except OSError as error:
        return errno.errorcode[error.errno]


ip("link", "set", "lo", "up")
for name, address in ("one", "192.0.2.1/24"), ("two", "198.51.100.1/24"):
    ip("link", "add", name, "type", "veth", "peer", "name", f"to-{name}")
    ip("address", "add", address, "dev", name)
    ip("link", "set", name, "up")
    ip("link", "set", f"to-{name}", "up")
FIRST, SECOND = "192.0.2.7", "198.51.100.7"
again = udp(FIRST, SECOND)[1]
local = udp("127.0.0.1", SECOND)[1]
between = udp(FIRST, SECOND, between=True)[1]
moved, _ = udp(FIRST)
ip("address", "del", "192.0.2.1/24", "dev", "one")
ip("address", "add", "192.0.2.2/24", "dev", "one")
late = [send(moved), errno.errorcode.get(moved.connect_ex((FIRST, 9))), send(udp(FIRST)[0])]
LIBRARY.connect(moved.fileno(), bytes(16), 16)
late += [moved.connect_ex((FIRST, 9)), send(moved)]
print(f"seen: sources of one socket: {again}, from loopback {local}, through AF_UNSPEC {between}; "
      f"after a change of address: {late}")
sys.exit(again != ["192.0.2.1"] * 2 or local != ["127.0.0.1", "EINVAL"] or between != ["192.0.2.1", "198.51.100.1"]
         or late != ["ENETUNREACH", "ENETUNREACH", 1, 0, 1])
END_OF_PYTHON
