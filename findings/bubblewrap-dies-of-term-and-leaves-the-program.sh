#!/bin/sh
# Version: bubblewrap 0.8.0-2+deb12u1 (Debian 12), bwrap ... PROGRAM under a supervisor.
# Expected: SIGTERM to bwrap reaches the program, or ends it with bwrap.
# Seen: bwrap dies of it, and the program gets no signal and goes on, with its socket: also with --unshare-pid, where
#	one would think that the program's namespace ends. With --die-with-parent it is killed with SIGKILL, so it
#	drains nothing. No option passes the signal. So a supervisor that stops or restarts a UDP service in bwrap takes
#	it for stopped while it still answers, and the next one finds its address in use. Signal the child of bwrap.
set -u
cannot() {
	echo "skipped: $1"
	exit 77
}
packages='bubblewrap=0.8.0-2+deb12u1'
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
timeout 10 usr/bin/bwrap --bind / / true >/dev/null 2>&1 || cannot 'bwrap may make no namespace here'
timeout 60 python3 - usr/bin/bwrap "$(command -v python3)" <<'END_OF_PYTHON'
import socket
import subprocess
import sys

# Answers each datagram, says which signal it got, and leaves when asked to, or after 20 seconds.
PROGRAM = """
import signal, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(20)
def term(*_):
    print("SIGTERM", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, term)
print(server.getsockname()[1], flush=True)
data = b""
while data != b"leave":
    data, address = server.recvfrom(100)
    server.sendto(data, address)
"""


def after_term(*options):
    """The status of bwrap after SIGTERM, whether the service still answers, and what it said."""
    with subprocess.Popen(
            [sys.argv[1], "--dev-bind", "/", "/", *options, sys.argv[2], "-c", PROGRAM], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        try:
            port = int(started.stdout.readline())
        except ValueError:
            print("skipped: bwrap starts no program here")
            sys.exit(77)
        started.terminate()
        status = started.wait(20)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.connect(("127.0.0.1", port))
            try:
                client.send(b"leave")
                answers = client.recv(100) == b"leave"
            except (ConnectionRefusedError, TimeoutError):
                answers = False
        return status, answers, started.stdout.read().strip()


plain, namespace, dies = after_term(), after_term("--unshare-pid"), after_term("--die-with-parent")
print(f"seen: status of bwrap, whether the program still answers, and the signal it saw: {plain}; with "
      f"--unshare-pid {namespace}; with --die-with-parent {dies}")
sys.exit(plain != (-15, True, "") or namespace != (-15, True, "") or dies != (-15, False, ""))
END_OF_PYTHON
