#!/bin/sh
# Version: socat 1.7.4.4-2 with UDP-LISTEN:PORT,fork and ncat 7.93+dfsg1-1 with -u -l -k --exec (Debian 12).
# Expected: each client has a child of its own, which gets that client's datagrams and no others.
# Seen: both make a child's socket by connecting the one that listened, and what has arrived there before stays in its
#	queue, whoever sent it. So of two clients that ask while the program is busy, the first gets both answers, and
#	the second gets none. socat's UDP-RECVFROM:PORT,fork answers each datagram to the client that sent it.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='socat=1.7.4.4-2 libwrap0=7.6.q-32 ncat=7.93+dfsg1-1 liblua5.3-0=5.3.6-2 libpcap0.8=1.10.3-1'
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
for library in usr/lib/*/liblua5.3.so.0; do
	export LD_LIBRARY_PATH="$dir/${library%/*}"
done
timeout 10 usr/bin/socat -V >/dev/null 2>&1 || cannot 'socat does not start: a library is missing'
timeout 10 usr/bin/ncat --version >/dev/null 2>&1 || cannot 'ncat does not start: a library is missing'
timeout 60 python3 - <<'END_OF_PYTHON'
import os
import signal
import socket
import subprocess
import sys
import time


def udp():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def heard(client):
    """All that came until nothing came for a second."""
    client.settimeout(5)
    text = b""
    try:
        while True:
            text += client.recv(100)
            client.settimeout(1)
    except TimeoutError:
        return text.decode()


def serve(*command):
    """What two clients hear of an echo server that found the datagrams of both in its socket."""
    with udp() as free:
        port = free.getsockname()[1]
    program = subprocess.Popen(
        [word.replace("PORT", str(port)) for word in command], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        end = time.monotonic() + 20
        while f":{port:04X} " not in open("/proc/net/udp").read():
            if program.poll() is not None or time.monotonic() > end:
                print(f"skipped: {command[0]} does not listen here")
                sys.exit(77)
            time.sleep(0.05)
        program.send_signal(signal.SIGSTOP)
        clients = udp(), udp()
        for client, text in zip(clients, (b"first", b"second")):
            client.sendto(text, ("127.0.0.1", port))
        program.send_signal(signal.SIGCONT)
        return [heard(client) for client in clients]
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


listen = serve("usr/bin/socat", "UDP4-LISTEN:PORT,bind=127.0.0.1,fork", "EXEC:/bin/cat")
ncat = serve("usr/bin/ncat", "-u", "-l", "-k", "127.0.0.1", "PORT", "--exec", "/bin/cat")
each = serve("usr/bin/socat", "UDP4-RECVFROM:PORT,bind=127.0.0.1,fork", "EXEC:/bin/cat")
print(f"seen: two clients that sent 'first' and 'second' heard {listen} of socat UDP-LISTEN, {ncat} of ncat, "
      f"{each} of socat UDP-RECVFROM")
sys.exit([listen, ncat, each] != [["firstsecond", ""]] * 2 + [["first", "second"]])
END_OF_PYTHON
