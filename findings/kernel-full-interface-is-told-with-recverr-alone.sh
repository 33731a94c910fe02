#!/bin/sh
# Version: Linux 6.18 and tc of iproute2 6.1.0 (Debian 12), UDP through an interface whose queue (tc-tbf(8)) is full, in a
#	network namespace of its own.
# Expected: sendto() says that it had no success, ENOBUFS; or never does, as send(2) has it of full device queues.
# Seen: it depends on an option that is about something else. With IP_RECVERR each sendto() that finds the queue full
#	fails with ENOBUFS. Without, each has success, as if sent. poll() says ready to be written in both cases. The
#	only trace is SndbufErrors of /proc/net/snmp ("send buffer errors" of netstat), though no send buffer is full, and
#	OutDatagrams counts what went out. So a server's count of answers is too high by what its own machine threw away, and
#	a library that sets IP_RECVERR to hear of closed ports makes sends fail that had never failed before.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
command -v tc >/dev/null || cannot 'no tc'
unshare -n sh -c 'ip link add one type veth peer name other && tc qdisc add dev one root tbf rate 8kbit burst 1600 limit 3000' \
	2>/dev/null || cannot 'no network namespace of our own, or no veth or tbf in it'
timeout 60 unshare -n python3 - <<'END_OF_PYTHON'
import collections
import errno
import select
import socket
import subprocess
import sys

IP_RECVERR, SENT = 11, 50
SETUP = """
ip link add one type veth peer name other
ip address add 192.0.2.1/24 dev one
ip link set one up
ip link set other up
ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:01 dev one
tc qdisc add dev one root tbf rate 8kbit burst 1600 limit 3000
"""


def counts():
    names, values = (line.split()[1:] for line in open("/proc/net/snmp") if line.startswith("Udp:"))
    udp = dict(zip(names, map(int, values)))
    return udp["OutDatagrams"], udp["SndbufErrors"]


def sent(receive_errors):
    """What so many calls say, whether the socket polls ready then, and how far the kernel's two counts went."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, receive_errors)
    said, before = collections.Counter(), counts()
    for _ in range(SENT):
        try:
            sock.sendto(b"x" * 500, ("192.0.2.7", 9))
            said["sent"] += 1
        except OSError as error:
            said[errno.errorcode[error.errno]] += 1
    return dict(said), bool(select.select([], [sock], [], 0)[1]), *(now - was for now, was in zip(counts(), before))


subprocess.run(["sh", "-e"], input=SETUP, text=True, check=True)
without, told = sent(0), sent(1)
print(f"seen: of {SENT} datagrams, ready to be written, OutDatagrams, SndbufErrors: without IP_RECVERR {without}, with {told}")
failed = told[0].get("ENOBUFS", 0)
sys.exit(without[0] != {"sent": SENT} or without[2] + without[3] != SENT or without[3] < SENT // 2 or failed < SENT // 2
         or failed != told[3] or not without[1] or not told[1])
END_OF_PYTHON
