#!/bin/sh
# Version: Linux 6.18, four UDP sockets with SO_REUSEPORT at one wildcard address and port, loopback in a network namespace
#	of its own.
# Expected: each datagram goes to one of the group, as socket(7) has it of SO_REUSEPORT: a share for each.
# Seen: that is so of what is sent to the machine's own address. What is sent to a broadcast address comes to all four, and
#	so does what is sent to a multicast group that a single one of them has joined, unless IP_MULTICAST_ALL is off.
#	A filter that steers (SO_ATTACH_REUSEPORT_CBPF) is not asked. So a server that is made quicker by more
#	workers of that kind answers each discovery, DHCP or SSDP request, or counts each metric, once a worker. Let one
#	of them serve broadcasts.
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
import socket
import struct
import subprocess
import sys

SENT, SO_ATTACH_REUSEPORT_CBPF, BPF_RETURN = 40, 51, 6
IP_MULTICAST_ALL = 49
GROUP = "239.1.2.3"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.1"))
    return made


def shares(address, steer=False, only_own=False):
    """How many datagrams each socket of the group gets, of so many, each from a client of its own."""
    group = []
    for _ in range(4):
        one = udp()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if only_own:
            one.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        one.bind(("", 20000))
        group.append(one)
    if address == GROUP:
        member = socket.inet_aton(GROUP) + socket.inet_aton("192.0.2.1")
        group[0].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    if steer:
        code = ctypes.create_string_buffer(struct.pack("=HBBI", BPF_RETURN, 0, 0, 2))
        program = struct.pack("@HP", 1, ctypes.addressof(code))
        group[0].setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)
    for _ in range(SENT):
        with udp() as client:
            client.sendto(b"x", (address, 20000))
    result = []
    for one in group:
        count = 0
        try:
            while True:
                count += len(one.recv(1, socket.MSG_DONTWAIT))
        except BlockingIOError:
            pass
        one.close()
        result.append(count)
    return result


ip("link", "set", "lo", "up")
ip("link", "add", "one", "type", "veth", "peer", "name", "other")
ip("address", "add", "192.0.2.1/24", "brd", "+", "dev", "one")
ip("link", "set", "one", "up")
ip("link", "set", "other", "up")
own = shares("192.0.2.1"), shares("192.0.2.1", steer=True)
broadcast = shares("192.0.2.255"), shares("192.0.2.255", steer=True)
multicast = shares(GROUP), shares(GROUP, only_own=True)
print(f"seen: shares of {SENT} datagrams: to its own address {own[0]}, steered to the third {own[1]}; to broadcast "
      f"{broadcast[0]}, steered {broadcast[1]}; to a group of the first {multicast[0]}, without IP_MULTICAST_ALL {multicast[1]}")
sys.exit(sum(own[0]) != SENT or max(own[0]) == SENT or own[1] != [0, 0, SENT, 0] or broadcast != ([SENT] * 4,) * 2
         or multicast != ([SENT] * 4, [SENT, 0, 0, 0]))
END_OF_PYTHON
