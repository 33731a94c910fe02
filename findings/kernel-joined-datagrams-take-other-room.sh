#!/bin/sh
# Version: Linux 6.18, loopback, a receiver without UDP_GRO.
# Expected: what a datagram takes of the receive buffer depends on its length alone.
# Seen: it depends on how the sender sent it. Of 646 bytes, sent one by one, 212,992 bytes of buffer
#	hold 92 datagrams; sent as trains with UDP_SEGMENT, which the kernel takes apart again
#	before the socket, 144. Of 100 bytes it is 256 and 242. So figures of bursts that fit do not
#	carry over from a load generator that joins datagrams to clients that do not, or back.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
timeout 60 python3 - <<'END_OF_PYTHON'
import socket
import sys

UDP_SEGMENT = 103
DATAGRAMS = 640


def held(size, joined):
    """How many of DATAGRAMS datagrams a buffer of 212,992 bytes takes, if sent so many at once."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 106496)
    receiver.setblocking(False)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    if joined > 1:
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
    for _ in range(DATAGRAMS // joined):
        sender.send(b"x" * (size * joined))
    count = 0
    try:
        while len(receiver.recv(65536)) == size:
            count += 1
    except BlockingIOError:
        pass
    return count


try:
    counts = {size: (held(size, 1), held(size, 40)) for size in (100, 646)}
except OSError as error:
    print(f"skipped: {error}")
    sys.exit(77)
print("seen: held one by one and joined: " + ", ".join(
    f"{one} and {joined} of {size} bytes" for size, (one, joined) in counts.items()))
sys.exit(not (counts[646][1] > counts[646][0] * 1.3 and counts[100][1] < counts[100][0]))
END_OF_PYTHON
