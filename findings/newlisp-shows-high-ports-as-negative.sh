#!/bin/sh
# Version: newLISP 10.7.5-2+b2 (Debian 12), net-receive-from and net-send-to.
# Expected: net-receive-from gives the sender's port as a number from 1 to 65535.
# Seen: a port above 32767 is given as a negative number, 65536 less: 50123 is -15413. On Linux, where a client's port
#	is one of 32768 to 60999 unless it asks for another, that is each client. net-send-to takes the negative
#	number, so answers arrive; but a rule such as (> port 1023), a table of clients or a log that another
#	program reads goes astray.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='newlisp=10.7.5-2+b2 libreadline8=8.2-1.3 libffi8=3.4.4-1'
dir=$(mktemp -d) || cannot 'no temporary folder'
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
command -v python3 >/dev/null || cannot 'no python3'
cd "$dir" || exit 1
# shellcheck disable=SC2086
timeout 120 apt-get -qq download $packages >apt.log 2>&1 || cannot "no packages $packages"
for file in *.deb; do
	dpkg -x "$file" . || cannot 'cannot unpack'
done
for library in usr/lib/*/libffi.so.8; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/newlisp -v >/dev/null 2>&1 || cannot 'newlisp does not start: a library is missing'
timeout 60 python3 - usr/bin/newlisp <<'END_OF_PYTHON'
import socket
import subprocess
import sys
import time

SERVER = """(set 's (net-listen %d "127.0.0.1" "udp"))
(dotimes (i 2) (set 'r (net-receive-from s 100)) (println (r 2)) (net-send-to (r 1) (r 2) (r 0) s))
(exit)
"""


def bound(ports):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in ports:
        try:
            made.bind(("127.0.0.1", port))
            made.settimeout(10)
            return made
        except OSError:
            continue
    return made


with bound([0]) as free:
    server = free.getsockname()[1]
high, low = bound(range(50123, 50223)), bound(range(20123, 20223))
with open("server.lsp", "w") as script:
    script.write(SERVER % server)
program = subprocess.Popen(
    [sys.argv[1], "server.lsp"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL, text=True)
try:
    end = time.monotonic() + 20
    while f":{server:04X} " not in open("/proc/net/udp").read():
        if program.poll() is not None or time.monotonic() > end:
            print("skipped: newlisp cannot listen here")
            sys.exit(77)
        time.sleep(0.05)
    for client in (high, low):
        client.sendto(b"ask", ("127.0.0.1", server))
        answered = client.recv(100) == b"ask"
    shown = [int(word) for word in program.communicate(timeout=20)[0].split()]
finally:
    program.kill()
    program.wait()
ports = [client.getsockname()[1] for client in (high, low)]
print(f"seen: the ports {ports} were shown as {shown}")
sys.exit(shown != [ports[0] - 65536, ports[1]] or not answered)
END_OF_PYTHON
