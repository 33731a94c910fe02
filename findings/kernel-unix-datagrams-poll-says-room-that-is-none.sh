#!/bin/sh
# Version: Linux 6.18, a datagram socket of AF_UNIX that sends with an address, as to /dev/log or NOTIFY_SOCKET, to one that
#	is not read.
# Expected: without blocking, sendto() fails with EAGAIN when the other's queue is full, and poll() says when there is room.
# Seen: EAGAIN after 11 datagrams (net.unix.max_dgram_qlen is 10), but poll() says at once that the socket is ready to be
#	written, because it asks its own buffer alone. A loop of the usual kind, poll() and then sendto(), runs at full load
#	until the other reads. If the socket is connect()ed to the other, poll() waits for the room, and wakes. So a
#	service that logs or notifies without blocking has to connect() first. (Of UDP neither is so: what has no room
#	is lost without a word.)
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
timeout 60 python3 - <<'END_OF_PYTHON'
import os
import select
import socket
import sys
import threading

NAME = f"\0unread-{os.getpid()}"


def unix():
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def filled(send):
    """How many datagrams go before EAGAIN."""
    count = 0
    try:
        while True:
            send()
            count += 1
    except BlockingIOError:
        return count


def ready(sender, wait):
    poll = select.poll()
    poll.register(sender, select.POLLOUT)
    return bool(poll.poll(wait))


def loops(sender):
    """How many of ten rounds of poll() and sendto() find the socket ready and the other's queue full."""
    count = 0
    for _ in range(10):
        if ready(sender, 100):
            count += not filled(lambda: sender.sendto(b"x", NAME))
    return count


reader = unix()
reader.bind(NAME)
sender, connected = unix(), unix()
connected.connect(NAME)
sent = filled(lambda: sender.sendto(b"x", NAME))
busy = loops(sender)
more, waits = filled(lambda: connected.send(b"x")), not ready(connected, 300)
threading.Timer(0.3, lambda: [reader.recv(1) for _ in range(sent)]).start()
wakes = ready(connected, 20000)
print(f"seen: {sent} sent; of 10 rounds ready to be written and EAGAIN: {busy}; connected: {more} sent, "
      f"poll() waits {waits}, wakes when there is room {wakes}")
with open("/proc/sys/net/unix/max_dgram_qlen") as limit:
    sys.exit((sent, busy, more, waits, wakes) != (int(limit.read()) + 1, 10, 0, True, True))
END_OF_PYTHON
