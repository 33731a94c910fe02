#!/bin/sh
# Version: Linux 6.18, an AF_INET6 UDP socket with IPV6_V6ONLY off, which talks IPv4 (::ffff:127.0.0.1), loopback.
# Expected: what the socket is told in IPV6_ options and control messages holds for all that it sends and receives, or is
#	refused: IPV6_PKTINFO and IPV6_RECVPKTINFO hold for IPv4, too.
# Seen: those are the only ones. IPV6_TCLASS and IPV6_HOPLIMIT, in control messages, and IPV6_TCLASS and
#	IPV6_UNICAST_HOPS, as options, are taken without an error, and the datagram leaves with class 0 and 64 hops. Of what
#	comes, IPV6_RECVTCLASS and IPV6_RECVHOPLIMIT tell nothing. IP_TOS, IP_TTL, IP_RECVTOS and IP_RECVTTL do all of it
#	on that socket, and leave IPv6 alone. So on one socket for both, IPv4 loses its ECN and DSCP marks, as QUIC
#	and media need them, while all is well over IPv6: set both kinds.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
timeout 60 python3 - <<'END_OF_PYTHON'
import socket
import struct
import sys

IP, V6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6
IP_RECVTTL, IP_RECVTOS = 12, 13
TAUGHT = {
    "IPV4": [(IP, IP_RECVTTL), (IP, IP_RECVTOS)],
    "IPV6": [(V6, socket.IPV6_RECVHOPLIMIT), (V6, socket.IPV6_RECVTCLASS)],
}
CLASS, HOPS = 0x28, 9


def udp(family, address, teach=()):
    made = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        made.setsockopt(V6, socket.IPV6_V6ONLY, 0)
    for level, option in teach:
        made.setsockopt(level, option, 1)
    made.bind((address, 0))
    made.settimeout(10)
    return made


def told(receiver):
    """Class and hops of a datagram as its receiver is told them, by any option, and its source."""
    _, control, _, source = receiver.recvmsg(100, 1000)
    numbers = {(level, kind): data[0] for level, kind, data in control}
    return (numbers.get((IP, socket.IP_TOS), numbers.get((V6, socket.IPV6_TCLASS))),
            numbers.get((IP, socket.IP_TTL), numbers.get((V6, socket.IPV6_HOPLIMIT))), source[0])


try:
    sender = udp(socket.AF_INET6, "::")
    six = udp(socket.AF_INET6, "::1", TAUGHT["IPV6"])
except OSError as error:
    print(f"skipped: no IPv6: {error}")
    sys.exit(77)
four = udp(socket.AF_INET, "127.0.0.1", TAUGHT["IPV4"])
receivers = ((four, "::ffff:127.0.0.1"), (six, "::1"))


def sent(control):
    result = []
    for receiver, address in receivers:
        sender.sendmsg([b"x"], [(level, kind, struct.pack("=i", value)) for level, kind, value in control], 0,
                       (address, receiver.getsockname()[1]))
        result.append(told(receiver)[:2])
    return result


controls = sent([(V6, socket.IPV6_TCLASS, CLASS), (V6, socket.IPV6_HOPLIMIT, HOPS)])
sender.setsockopt(V6, socket.IPV6_TCLASS, CLASS)
sender.setsockopt(V6, socket.IPV6_UNICAST_HOPS, HOPS)
options = sent([])
sender.setsockopt(IP, socket.IP_TOS, CLASS)
sender.setsockopt(IP, socket.IP_TTL, HOPS)
both = sent([])
where = socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.7") + bytes(4)
sender.sendmsg([b"x"], [(V6, socket.IPV6_PKTINFO, where)], 0, ("::ffff:127.0.0.1", four.getsockname()[1]))
source = told(four)[2]
received = []
for teach in TAUGHT["IPV6"], TAUGHT["IPV4"]:
    receiver = udp(socket.AF_INET6, "::", teach)
    sender.sendto(b"x", ("::ffff:127.0.0.1", receiver.getsockname()[1]))
    received.append(told(receiver)[:2])
print(f"seen: class and hops of what is sent over IPv4 and IPv6: by IPV6_ control messages {controls}, by IPV6_ options "
      f"{options}, by IP_ ones, too, {both}; of what comes over IPv4, by IPV6_ options and by IP_ options {received}; "
      f"source by IPV6_PKTINFO {source}")
plain, marked = (0, 64), (CLASS, HOPS)
sys.exit(controls != [plain, marked] or options != [plain, marked] or both != [marked, marked]
         or received != [(None, None), marked] or source != "127.0.0.7")
END_OF_PYTHON
