#!/bin/sh
# Version: ss of iproute2 6.1.0 (Debian 12) on Linux 6.18, and rx_queue of /proc/net/udp, a UDP socket.
# Expected: Recv-Q is, as ss(8) and netstat(8) have it, the count of bytes that the program has not yet read.
# Seen: it is the memory that the datagrams take: 832 for an empty one and for one of 1 byte, 2,304 for 1,000 bytes.
#	So a monitor that divides it by the size of a request counts 26 times as many of 32 bytes as wait, and an
#	alarm at some bytes depends on the lengths. What it can be compared with is the limit, SO_RCVBUF.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
command -v python3 >/dev/null || cannot 'no python3'
command -v ss >/dev/null || cannot 'no ss'
timeout 60 python3 - <<'END_OF_PYTHON'
import socket
import subprocess
import sys


def queue():
    """Recv-Q of the receiver as ss and as /proc have it."""
    line = subprocess.run(
        ["ss", "-Huan", "sport", "=", str(port)], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [row.split() for row in open("/proc/net/udp")]
    proc = next(int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(f":{port:04X}"))
    return int(line.split()[1]), proc


receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
port = receiver.getsockname()[1]
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
seen = {}
for size in (0, 1, 1000):
    sender.sendto(b"x" * size, receiver.getsockname())
    seen[size] = queue()
    receiver.recv(2000)
after = queue()
print(f"seen: with one datagram of so many bytes Recv-Q and rx_queue are {seen}, and {after} when it is read")
sys.exit(seen[0][0] < 200 or seen[1] != seen[0] or seen[1000][0] < 1500 or after != (0, 0) or
         any(ss != proc for ss, proc in seen.values()))
END_OF_PYTHON
