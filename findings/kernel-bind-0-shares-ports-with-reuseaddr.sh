#!/bin/sh
# Version: Linux 6.18, bind(2) of UDP sockets to port 0 with SO_REUSEADDR, or SO_REUSEPORT, in a network namespace of its
#	own with 1,000 ports to choose from.
# Expected: port 0 asks for a port that is free; SO_REUSEADDR matters only where a port is asked for by number.
# Seen: the kernel draws a port, and takes it if all that have it set the option, too. Of 300 sockets some 40 get a port
#	that another has, without a word, and the datagrams for one come to another. Without the option none does.
#	connect() without bind(2) does the same. Of the 28,232 ports that a machine has for this, 200
#	sockets share one in every other run. So a library that sets SO_REUSEADDR on each socket, as is right for TCP and
#	for multicast, loses answers once in a while on clients, in tests and for media streams: set it only with a port.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
unshare -n true 2>/dev/null || cannot 'no network namespace of our own'
timeout 60 unshare -n python3 - <<'END_OF_PYTHON'
import fcntl
import socket
import struct
import sys

SIOCSIFFLAGS, IFF_UP, SOCKETS = 0x8914, 1, 300


def sockets(option, start):
    """So many sockets, each with a port that the kernel chose."""
    made = []
    for _ in range(SOCKETS):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if option:
            one.setsockopt(socket.SOL_SOCKET, option, 1)
        getattr(one, start)(("127.0.0.1", 0 if start == "bind" else 9))
        made.append(one)
    return made


def shared(option, start):
    made = sockets(option, start)
    return SOCKETS - len(set(one.getsockname() for one in made))


def strayed():
    """How many sockets with SO_REUSEADDR and a port that the kernel chose do not get what is sent to them."""
    made, stray = sockets(socket.SO_REUSEADDR, "bind"), 0
    for one in made:
        one.sendto(b"x", one.getsockname())
        try:
            one.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            stray += 1
    return stray


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as ports:
    ports.write("40000 40999")
without = shared(None, "bind"), shared(None, "connect")
address = shared(socket.SO_REUSEADDR, "bind"), shared(socket.SO_REUSEADDR, "connect")
port = shared(socket.SO_REUSEPORT, "bind")
stray = strayed()
print(f"seen: sockets of {SOCKETS} with a port that another has, by bind and by connect: without an option {without}, with "
      f"SO_REUSEADDR {address}, by bind with SO_REUSEPORT {port}; deaf for what is sent to them, SO_REUSEADDR: {stray}")
sys.exit(without != (0, 0) or min(*address, port, stray) < 5)
END_OF_PYTHON
