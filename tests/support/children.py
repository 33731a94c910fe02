"""Children in Python and dash, and a service of them, for the tests of children."""

import array
import contextlib
import ctypes
import fcntl
import os
import sys
import termios

import dgramtest

# The frames of "dgram 1", for children in Python.
BINARY = """
import os, struct, sys, time
out, stream = os.fdopen(1, "wb", 0), os.fdopen(0, "rb")
def say(data):
    out.write(data)
def requests():
    while True:
        head = stream.read(16)
        if len(head) < 16:
            return
        size, kind, _, meta, number = struct.unpack("<IBBHQ", head)
        body = stream.read(size)
        if kind == 1:
            yield number, body[meta:], body[:meta]
def frame(kind, number, data=b"", flags=0):
    return struct.pack("<IBBHQ", len(data), kind, flags, 0, number) + data
say(b"dgram 1 binary\\n")
"""

ECHO = BINARY + """
for number, data, _ in requests():
    say(frame(2, number, data))
"""

# Does what a request says.
OBEYS = BINARY + """
for number, data, meta in requests():
    word, _, rest = data.decode("latin-1").partition(" ")
    if word == "silent":
        say(frame(3, number))
    elif word == "error":
        say(frame(4, number, b"no such thing"))
    elif word == "meta":
        say(frame(2, number, meta))
    elif word == "pid":
        say(frame(2, number, b"%d" % os.getpid()))
    elif word == "environment":
        say(frame(2, number, " ".join(sorted(os.environ)).encode()))
    elif word == "several":
        say(frame(2, number, b"one", 1) + frame(2, number, b"two", 1) + frame(2, number, b"three"))
    elif word == "write":
        sys.stderr.write(rest + "\\n")
        sys.stderr.flush()
        say(frame(2, number, b"written"))
    elif word == "run":
        exec(rest)
    else:
        say(frame(2, number, data))
"""

TEXT_ECHO = r"""
echo 'dgram 1 text'
tab=$(printf '\t')
while IFS= read -r line; do
	case $line in
	Q*)
		rest=${line#*"$tab"}
		id=${rest%%"$tab"*}
		printf 'A\t%s\t%s\n' "$id" "${rest##*"$tab"}"
		;;
	esac
done
"""


def state_of(pid):
    """As ps(1) has it, "Z" for a zombie; None: it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


def take_descriptor(pidfd, number):
    """A duplicate of another process's (pidfd_getfd(2), which Python lacks)."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(438, pidfd, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return fd


def bytes_in(stream):
    """That wait there to be read."""
    count = array.array("i", [0])
    fcntl.ioctl(stream, termios.FIONREAD, count)
    return count[0]


class ChildCase(dgramtest.Case):
    """With a service "exec" of children of these words."""

    def serve(self, source, mode="binary", children=2, **config):
        command = ["dash", "-c", source] if mode == "text" else [sys.executable, "-S", "-E", "-c", source]
        return self.start({
            "handler": "exec", "options": {"command": command, "mode": mode},
            "pool": {"workers": children}, "logging": {"level": "debug"}, **dgramtest.UNWARNED,
            "max_datagram_bytes": 65507, "max_reply_factor": 0, **config})

    def client(self, daemon):
        client = dgramtest.socket_for(daemon.address())
        client.connect(daemon.address())
        self.addCleanup(client.close)
        return client

    def ask(self, daemon, payload):
        client = self.client(daemon)
        client.send(payload)
        return client.recv(65536)

    def who_answer(self, daemon, replaced):
        """The children that do until so many were replaced, and the next one, an item for each request."""
        answered = []

        def are_replaced():
            answered.append(self.ask(daemon, b"pid"))
            return len(daemon.events("child replaced")) >= replaced

        self.eventually(are_replaced, "so many are replaced")
        return [*answered, self.ask(daemon, b"pid")]

    def children_of(self, daemon):
        """Those of its threads, zombies included. A thread may end meanwhile."""
        found = set()
        for task in os.listdir(f"/proc/{daemon.process.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                    open(f"/proc/{daemon.process.pid}/task/{task}/children", encoding="ascii") as file:
                found.update(map(int, file.read().split()))
        return found

    def check(self, daemon, **counts):
        """Its books are these, besides what is 0, and nothing is left of its children."""
        (ledger,) = daemon.stop().values()
        shown = {name: ledger[name] for name in counts}
        self.assertEqual(shown, counts, daemon.text())
        parts = {
            name for name, count in ledger.items() if count > 0 and name not in counts
            and name.startswith(("failed_", "dropped_", "no_reply", "children_"))}
        self.assertEqual(parts, set(), daemon.text())
