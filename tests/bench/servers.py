"""The servers that are compared: how each is started, what it has cost, and the load it is given."""

import contextlib
import dataclasses
import ipaddress
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import dgramtest

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(dgramtest.BUILD, "tests/bench/peers")
DGRAMLOAD = os.path.join(dgramtest.BUILD, "dgramload")
TICK = os.sysconf("SC_CLK_TCK")
START_SECONDS = 5

# The server on one core and the generator on another; None: wherever the kernel puts them.
SERVER_CPU, GENERATOR_CPU = (0, 1) if os.cpu_count() > 1 else (None, None)

XINETD = """service echo
{{
	type = INTERNAL UNLISTED
	id = echo-dgram
	socket_type = dgram
	protocol = udp
	wait = yes
	user = root
	bind = 127.0.0.1
	port = {port}
	cps = 1000000 1
}}
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Server:
    """`words` start it; PORT among them is its port, and CONFIG the path of a file with `config`."""
    name: str
    words: list
    slow: bool = False
    config: str = ""


def dgramd(*settings):
    settings = (*settings, "port=PORT", "logging.level=error")
    return [dgramtest.DGRAMD, *(word for each in settings for word in ("--set", each))]


def peer(name, *arguments):
    return [os.path.join(PEERS, name), "PORT", *arguments]


def python(name):
    return [sys.executable, os.path.join(HERE, "peers/python_echo.py"), name, "PORT"]


BARE = Server("bare recvmmsg/sendmmsg loop", peer("bare_echo"))
SEGMENT = Server("bare loop with UDP_SEGMENT", peer("segment_echo"))
POOL = Server("dgramd, 2 workers, never blocks", dgramd("handler=echo", "pool.workers=2"))
MAY_BLOCK = Server("dgramd, 2 workers, may block", dgramd("handler=simulate", "pool.workers=2"))
POOL_OF_4 = Server("dgramd, 4 workers, never blocks", dgramd("handler=echo", "pool.workers=4"))
INLINE = Server("dgramd, inline", dgramd("handler=echo", "concurrency=inline"))
RECEIVERS = Server("dgramd, 2 workers, 2 receivers",
                   dgramd("handler=echo", "pool.workers=2", "receivers=2"))
GRO = Server("dgramd, 2 workers, GRO", dgramd("handler=echo", "pool.workers=2", "socket.gro=true"))
RECVFROM = Server("recvfrom/sendto loop", peer("recvfrom_echo"))
LIBUV = Server("libuv", peer("libuv_echo"))
GO = Server("Go, a goroutine a datagram", peer("go_echo"))
UDPSERVER = Server("Python UDPServer", python("UDPServer"))
THREADING = Server("Python ThreadingUDPServer", python("ThreadingUDPServer"))

TEXTBOOK = Server("textbook pool, 2 workers", peer("textbook_echo", "2"))

CLOSE = (BARE, POOL, MAY_BLOCK, INLINE)
OURS = (POOL, MAY_BLOCK, POOL_OF_4, INLINE, RECEIVERS, GRO)
ALL = (
    BARE,
    *OURS,
    SEGMENT,
    RECVFROM,
    LIBUV,
    TEXTBOOK,
    GO,
    UDPSERVER,
    THREADING,
    Server("Python ForkingUDPServer", python("ForkingUDPServer"), slow=True),
    Server("xinetd's echo", ["/usr/sbin/xinetd", "-dontfork", "-f", "CONFIG"], slow=True, config=XINETD),
)


# --- starting


class DidNotStart(Exception):
    pass


def on_cpu(cpu):
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        with contextlib.suppress(OSError):
            client.connect(("127.0.0.1", port))
            client.send(b"ready?")
            return client.recv(100) == b"ready?"
    return False


def wait_until_it_answers(process, port, output, seconds):
    limit = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < limit:
        if answers(port, 0.1):
            return
        time.sleep(0.01)
    output.seek(0)
    said = [line for line in output.read().decode("utf-8", "replace").splitlines() if line.strip()]
    complaints = [line for line in said if "error" in line.lower()] or said
    ended = "it does not answer" if process.poll() is None else f"exit code {process.returncode}"
    raise DidNotStart(complaints[-1] if complaints else ended)


@contextlib.contextmanager
def running(server, cpu=SERVER_CPU, seconds=START_SECONDS):
    """Gives the process and its port. Raises DidNotStart with the server's own last words."""
    port = free_port()
    with tempfile.NamedTemporaryFile("w") as config, tempfile.TemporaryFile() as output:
        config.write(server.config.format(port=port))
        config.flush()
        words = [word.replace("PORT", str(port)).replace("CONFIG", config.name)
                 for word in server.words]
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       preexec_fn=on_cpu(cpu))
        except OSError as error:
            program = words[0].removeprefix(dgramtest.TOP + "/")
            raise DidNotStart(f"{program}: {error.strerror}") from None
        with process:
            try:
                wait_until_it_answers(process, port, output, seconds)
                yield process, port
            finally:
                process.kill()


def warm(port, sockets, in_flight, cpu=GENERATOR_CPU):
    """A little load, until the last of it is done: those that are slow serve the oldest first."""
    load(port, sockets, 0.1, in_flight=in_flight, cpu=cpu)
    answers(port, 2)


def cpu_seconds(pid):
    """User and system time of a process: its own clock, as clock_getcpuclockid(3) makes it, counts all
    its threads, those that ended too, to the nanosecond; then its children that ended, in ticks."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return time.clock_gettime(~pid << 3 | 2) + (int(fields[13]) + int(fields[14])) / TICK


# --- the load


def load(port, sockets, seconds, *, in_flight=1, rate=None, gso=False, cpu=GENERATOR_CPU):
    """What dgramload says of a closed loop, `in_flight` a socket, or an open one of `rate` a second.
    Each socket has an address of its own; with `gso` it sends segments."""
    last = ipaddress.IPv4Address("127.0.0.2") + sockets - 1
    how = ["--in-flight", str(in_flight)] if rate is None else ["--rate", f"{max(rate, 1):.0f}"]
    run = subprocess.run(
        [DGRAMLOAD, *how, "--sockets", str(sockets), "--sources", f"127.0.0.2-{last}",
         "--duration", f"{seconds:g}", "--warmup", "0", "--size", "32", "--patience", "1000", "--json",
         *(["--gso"] if gso else []), f"127.0.0.1:{port}"],
        check=True, stdout=subprocess.PIPE, text=True, preexec_fn=on_cpu(cpu))
    return json.loads(run.stdout)
