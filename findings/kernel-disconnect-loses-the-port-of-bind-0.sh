#!/bin/sh
# Version: Linux 6.18, connect(2) to AF_UNSPEC of a bound UDP socket, loopback.
# Expected: only the peer is dissolved; what bind(2) gave stays.
# Seen: it stays if bind() named a port. A port that bind() to 0 chose is lost, with the place in the socket table: from
#	then on getsockname() says port 0, nothing comes to the socket, and poll() and recv() wait without an error. The next
#	send takes another port. An address that was named stays in both cases. So a socket that got its port from
#	bind() to 0 and told it to others (SDP, ICE, TFTP, a test) is deaf after a disconnect: bind it again.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
timeout 60 python3 - <<'END_OF_PYTHON'
import ctypes
import socket
import sys

LIBRARY = ctypes.CDLL(None)


def udp(port=0):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    made.settimeout(0.5)
    return made


def heard(sock, address):
    peer.sendto(b"x", address)
    try:
        return sock.recv(1) == b"x"
    except TimeoutError:
        return False


def disconnected(port):
    """Whether the socket has its port before and after, and whether it gets what is sent there; then after a send."""
    sock = udp(port)
    address = sock.getsockname()
    before = heard(sock, address)
    sock.connect(peer.getsockname())
    LIBRARY.connect(sock.fileno(), bytes(16), 16)  # AF_UNSPEC
    after = sock.getsockname()
    hears = heard(sock, address)
    sock.sendto(b"y", peer.getsockname())
    return before, hears, after[0] == address[0], after[1] == address[1], sock.getsockname()[1] == address[1]


peer = udp()
with udp() as free:
    number = free.getsockname()[1]
named, chosen = disconnected(number), disconnected(0)
print(f"seen: hears before, and after, has its address, its port, its port after a send: named {named}, chosen {chosen}")
sys.exit(named != (True,) * 5 or chosen != (True, False, True, False, False))
END_OF_PYTHON
