#!/bin/sh
# Version: Linux 6.18 and nftables 1.0.6 (Debian 12), loopback in a network namespace of its own.
# Expected: what a sender joins with UDP_SEGMENT is counted as the datagrams that it is: 40 of 100 bytes are 40.
# Seen: Udp OutDatagrams of /proc/net/snmp grows by 1, InDatagrams by 40. For nftables they are 1 packet, of 4,028
#	bytes, which "udp length 108" does not match, and of which "limit rate" takes 1. So where a sender joins
#	datagrams, a firewall's limit by packets lets through as many times more as the sender joins, its rules by
#	length miss, and in and out of a service's statistics are no measure of its losses.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
command -v nft >/dev/null || cannot 'no nft'
unshare -n nft list tables 2>/dev/null || cannot 'no network namespace of our own, or no nftables in it'
timeout 60 unshare -n python3 - <<'END_OF_PYTHON'
import fcntl
import re
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP, UDP_SEGMENT = 0x8914, 1, 103
RULES = """table ip watch {
    chain output {
        type filter hook output priority 0;
        udp dport 20000 counter
        udp dport 20000 udp length 108 counter
        udp dport 20000 limit rate 1/day burst 50 packets counter
    }
}
"""


def counts():
    rules = subprocess.run(["nft", "list", "ruleset"], stdout=subprocess.PIPE, text=True, check=True).stdout
    names, values = (line.split()[1:] for line in open("/proc/net/snmp") if line.startswith("Udp:"))
    udp = dict(zip(names, map(int, values)))
    return [int(count) for count in re.findall(r"counter packets (\d+)", rules)] + [
        udp["OutDatagrams"], udp["InDatagrams"]]


def grown(send):
    before = counts()
    send()
    return [after - was for after, was in zip(counts(), before)]


sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(sender, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 20000))
receiver.settimeout(5)
sender.connect(receiver.getsockname())
subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)


def receive():
    return sum(len(receiver.recv(65536)) == 100 for _ in range(40))


def one_by_one():
    for _ in range(40):
        sender.send(b"x" * 100)
    receive()


def joined():
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
    sender.send(b"x" * 4000)
    receive()


apart = grown(one_by_one)
try:
    together = grown(joined)
except OSError as error:
    print(f"skipped: {error}")
    sys.exit(77)
print(f"seen: nft's packets, those of length 108, those within its limit, OutDatagrams, InDatagrams: "
      f"one by one {apart}, joined {together}")
sys.exit(apart != [40] * 5 or together != [1, 0, 1, 1, 40])
END_OF_PYTHON
