#!/bin/sh
# Version: Linux 6.18, nf_conntrack and nftables 1.0.6 (Debian 12), loopback in a network namespace of its own.
# Expected: a datagram that was answered makes a stream, and its entry lives for nf_conntrack_udp_timeout_stream (120
#	seconds), as the kernel's documents have the two time-outs, not nf_conntrack_udp_timeout (30).
# Seen: however many datagrams went both ways, only one that comes 2 seconds or more after the entry was made makes it a
#	stream: 20 requests with answers in a moment leave the short time-out; two, 3 seconds apart, give the long one. So
#	a client that registers and then is silent, or sends a keep-alive every 40 seconds to be heard within 120, is behind
#	a closed firewall after 30: what the server sends then is new, and dropped. Let the client ask a second time
#	after 2 seconds, or keep below 30.
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
import time

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
RULES = """table ip watch {
    chain output {
        type filter hook output priority 0;
        ct state new counter
    }
}
"""
SHORT, LONG = 6, 60


def new():
    rules = subprocess.run(["nft", "list", "ruleset"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(re.search(r"counter packets (\d+)", rules)[1])


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


def exchange(client):
    client.sendto(b"x", server.getsockname())
    server.sendto(b"y", server.recvfrom(1)[1])
    client.recv(1)


def late(client):
    """Whether what the server sends now is a new connection to the firewall."""
    before = new()
    server.sendto(b"z", client.getsockname())
    return new() > before


server = udp()
fcntl.ioctl(server, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
if subprocess.run(["nft", "-f", "-"], input=RULES, text=True, stderr=subprocess.DEVNULL).returncode:
    print("skipped: no connection tracking in this kernel")
    sys.exit(77)
for name, seconds in ("", SHORT), ("_stream", LONG):
    with open(f"/proc/sys/net/netfilter/nf_conntrack_udp_timeout{name}", "w") as timeout:
        timeout.write(str(seconds))
crowd, pair, begun = udp(), udp(), time.monotonic()
exchange(pair)
for _ in range(20):
    exchange(crowd)
if time.monotonic() - begun > 1.5:
    print("skipped: this machine is too busy now")
    sys.exit(77)
at_once = late(crowd)
time.sleep(3)
exchange(pair)
time.sleep(SHORT + 2)
result = at_once, late(crowd), late(pair)
print(f"seen: after 20 requests and answers in a moment, is the server's next datagram new: at once {result[0]}, after "
      f"{SHORT + 5} seconds {result[1]}; after two requests, 3 seconds apart, and {SHORT + 2} seconds {result[2]}; "
      f"time-outs {SHORT} and {LONG}")
sys.exit(result != (False, True, False))
END_OF_PYTHON
