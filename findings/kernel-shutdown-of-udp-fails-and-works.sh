#!/bin/sh
# Version: Linux 6.18, shutdown(2) of a UDP socket that is not connected, loopback.
# Expected: shutdown() fails with ENOTCONN, so nothing has happened to the socket.
# Seen: it fails with ENOTCONN, and has happened. After SHUT_WR each sendto() fails with EPIPE, also when the socket is
#	connected later, or disconnected. After SHUT_RD, with nothing to be had, recv() returns 0 at once, as for an empty
#	datagram, but with no sender; without blocking it is EAGAIN, while poll() says at once and for good that
#	there is something to read: a loop at full load. Datagrams that come are still read. So code that shuts each
#	socket down before it closes it, and lets ENOTCONN pass, spoils those that another process still uses.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
timeout 60 python3 - <<'END_OF_PYTHON'
import ctypes
import errno
import select
import socket
import sys


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def tried(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]


def polls(sock):
    """How many of ten looks in a row say that there is something to read."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return sum(bool(poll.poll(100)) for _ in range(10))


peer, writer, reader = udp(), udp(), udp()
writing = [tried(writer.shutdown, socket.SHUT_WR), tried(writer.sendto, b"x", peer.getsockname())]
writer.connect(peer.getsockname())
writing.append(tried(writer.send, b"x"))
ctypes.CDLL(None).connect(writer.fileno(), bytes(16), 16)  # AF_UNSPEC
writing.append(tried(writer.sendto, b"x", peer.getsockname()))

before = polls(reader)
reading = [tried(reader.shutdown, socket.SHUT_RD), *tried(reader.recvfrom, 100)]
peer.sendto(b"late", reader.getsockname())
reading.append(reader.recv(100))
reading += [tried(reader.recv, 100, socket.MSG_DONTWAIT), before, polls(reader)]
print(f"seen: after SHUT_WR: {writing}, after SHUT_RD: {reading}")
sys.exit(writing != ["ENOTCONN", "EPIPE", "EPIPE", "EPIPE"] or reading != ["ENOTCONN", b"", None, b"late", "EAGAIN", 0, 10])
END_OF_PYTHON
