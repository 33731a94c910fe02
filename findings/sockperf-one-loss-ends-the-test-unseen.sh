#!/bin/sh
# Version: sockperf 3.7-1 (Debian 12), ping-pong over UDP for 2 seconds at 50 messages a second, through a relay that
#	loses one answer.
# Expected: the message is given up after a time, counts as dropped, and the test goes on.
# Seen: sockperf waits for that answer until the test's time is up, and sends nothing more. Then it says "dropped
#	messages = 0" and ends with 0, and its latencies are of the few exchanges before the loss: a mean of
#	10 instead of 77 looks as good. What tells is SentMessages, one above ReceivedMessages and far below rate times
#	seconds. So a UDP service that loses one answer, or sheds one request, is measured as one that loses none.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
package=sockperf=3.7-1
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
timeout 120 apt-get -qq download "$package" >apt.log 2>&1 || cannot "no package $package"
dpkg -x ./*.deb . || cannot 'cannot unpack'
timeout 10 usr/bin/sockperf --version >/dev/null 2>&1
[ $? -lt 126 ] || cannot 'sockperf does not start: a library is missing'
timeout 60 python3 - usr/bin/sockperf <<'END_OF_PYTHON'
import re
import socket
import subprocess
import sys
import threading
import time


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def relay(front, back, server, lost):
    """Passes on what comes to front to the server, and all answers but the one with the number lost."""
    client = []

    def requests():
        while True:
            data, address = front.recvfrom(65536)
            client[:] = [address]
            back.sendto(data, server)

    def answers():
        for number in range(1, 1 << 20):
            data = back.recv(65536)
            if number != lost:
                front.sendto(data, client[0])

    for work in requests, answers:
        threading.Thread(target=work, daemon=True).start()


def measured(lost):
    """Status, sent, received and dropped messages of a test, and exchanges in its latencies."""
    front, back, free = udp(), udp(), udp()
    port = free.getsockname()[1]
    free.close()
    server = subprocess.Popen(
        [sys.argv[1], "server", "-i", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while f":{port:04X} " not in open("/proc/net/udp").read():
            if server.poll() is not None or time.monotonic() > end:
                print("skipped: sockperf's server does not start here")
                sys.exit(77)
            time.sleep(0.05)
        relay(front, back, ("127.0.0.1", port), lost)
        done = subprocess.run(
            [sys.argv[1], "ping-pong", "-i", "127.0.0.1", "-p", str(front.getsockname()[1]), "-t", "2",
             "--mps", "50"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=15)
    finally:
        server.kill()
        server.wait()
    sent, received = re.search(r"Total Run.*SentMessages=(\d+); ReceivedMessages=(\d+)", done.stdout).groups()
    dropped = re.search(r"# dropped messages = (\d+)", done.stdout)[1]
    counted = re.search(r"Total (\d+) observations", done.stdout)[1]
    return done.returncode, *(int(word) for word in (sent, received, dropped, counted))


whole, lossy = measured(0), measured(35)
print("seen: status, sent, received, dropped, exchanges in the latencies: nothing lost", *whole, "and one lost", *lossy)
sys.exit(whole[0] != 0 or whole[1] < 70 or whole[3] != 0 or whole[1] != whole[2]
         or lossy[:4] != (0, 35, 34, 0) or not lossy[4] < 20)
END_OF_PYTHON
