#!/bin/sh
# Version: openbsd-inetd 0.20221205-2~deb12u1 (Debian 12), a dgram service with nowait, as inetd(8) asks for a server
#	that answers from a socket of its own, connected to its peer, and ends ("multi-threaded").
# Expected: one server is started for each datagram.
# Seen: until a server has read the datagram, the socket is readable, and inetd starts another in each pass of its
#	loop: one datagram starts dozens of scripts. The first answers, the others wait in recvfrom() and take what
#	comes later, so the service seems well, while memory goes to the crowd and each counts for the limit of starts
#	(256 a minute). With "wait" one datagram starts one server: let that read, fork, and end, as tftpd does.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='openbsd-inetd=0.20221205-2~deb12u1 libwrap0=7.6.q-32 libevent-2.1-7=2.1.12-stable-8+deb12u1'
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
for library in usr/lib/*/libevent-2.1.so.7; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 60 python3 - usr/sbin/inetd <<'END_OF_PYTHON'
import os
import pwd
import signal
import socket
import subprocess
import sys
import time

here = os.getcwd()
SERVER = f"""#!/bin/sh
echo $$ >>{here}/started
exec {sys.executable} -SE -c '
import socket
shared = socket.socket(fileno=0)
data, peer = shared.recvfrom(9000)
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.connect(peer)
own.send(b"answer to " + data)
'
"""
user = pwd.getpwuid(os.getuid()).pw_name


def started():
    return [int(word) for word in open("started").read().split()]


def settled():
    """Waits until no server is started any more, and returns how many were."""
    before, since = -1, time.monotonic()
    while time.monotonic() < since + 1:
        if len(started()) != before:
            before, since = len(started()), time.monotonic()
        time.sleep(0.05)
    return before


def end_servers():
    for pid in started():
        try:
            command = open(f"/proc/{pid}/cmdline", "rb").read()
            if b"recvfrom" in command or here.encode() in command:
                os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def served(wait):
    """The answer to one datagram, and how many servers were started for it."""
    open("started", "w").close()
    with open("server", "w") as script:
        script.write(SERVER)
    os.chmod("server", 0o700)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open("inetd.conf", "w") as conf:
        conf.write(f"127.0.0.1:{port} dgram udp {wait} {user} {here}/server server\n")
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))
    client.settimeout(10)
    program = subprocess.Popen(
        [sys.argv[1], "-i", f"{here}/inetd.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while f":{port:04X} " not in open("/proc/net/udp").read():
            if program.poll() is not None or time.monotonic() > end:
                print("skipped: inetd does not start here")
                sys.exit(77)
            time.sleep(0.05)
        client.sendto(b"request", ("127.0.0.1", port))
        return client.recv(9000).decode(), settled()
    finally:
        program.kill()
        program.wait()
        end_servers()


wait, nowait = served("wait.100"), served("nowait.100")
print(f"seen: one datagram starts {wait[1]} server with wait, and {nowait[1]} with nowait; each has one answer")
sys.exit(wait != ("answer to request", 1) or nowait[0] != "answer to request" or nowait[1] < 3)
END_OF_PYTHON
