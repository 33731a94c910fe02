"""Where the CPU time of an echo goes: dgramd and bare loops under perf(1), by what they are doing. Writes
a table to tests/bench/results, and prints it. SECONDS_EACH from the environment (a run; 3).

The server has a core, the generator the other. A sample is an instant of that core on which the server
runs, 5000 a second. The functions that called each other then say what it is doing."""

import collections
import os
import re
import signal
import subprocess
import tempfile
import time

import servers
from echo_report import SHAPES
from report import keep, made_by, table

SECONDS = float(os.environ.get("SECONDS_EACH", "3"))
FREQUENCY = 5000
CALM_SECONDS = 1.5  # more than queue.max_wait_ms
SERVERS = (servers.BARE, servers.POOL, servers.INLINE, servers.SEGMENT, servers.GO)

# What a sample counts for: the first of these that one of its functions matches, the innermost first.
DOINGS = (
    ("kernel: timestamps", r"__sock_recv_timestamp|__sock_recv_cmsgs|put_cmsg|read_tsc|ktime_get"),
    ("kernel: delivery to the client", r"handle_softirqs|do_softirq|__do_softirq"),
    ("kernel: sending", r"__sys_sendmmsg|__sys_sendto|__sys_sendmsg"),
    ("kernel: receiving", r"__sys_recvmmsg|do_recvmmsg|__sys_recvfrom|__sys_recvmsg"),
    ("kernel: waiting", r"do_sys_poll|do_epoll_wait|do_futex|sched_yield|__x64_sys_nanosleep"),
)


def doing(chain):
    """A sample's functions, each with the file it is in, the innermost first."""
    if "vdso" in chain[0][1]:
        return "reading the clock"
    if "kernel" not in chain[0][1]:
        return "libraries" if re.search(r"\.so|^\[unknown", chain[0][1]) else "own code"
    for name, pattern in DOINGS:
        if any(re.match(pattern, function) for function, _ in chain):
            return name
    return "kernel: other"


def samples(path, pid, begin):
    """Those of a process since then, each as its chain of functions."""
    text = subprocess.run(
        ["perf", "script", "-i", path, "--pid", str(pid), "--time", f"{begin:.6f},", "-F", "ip,sym,dso"],
        check=True, capture_output=True, text=True).stdout
    for block in text.split("\n\n"):
        chain = re.findall(r"^\s*[0-9a-f]+ (\S+?)(?:\+\S+)? \((\S+?)\)$", block, re.MULTILINE)
        if chain:
            yield chain


def measure(server, shape):
    """Nanoseconds a request, by what was done."""
    with tempfile.NamedTemporaryFile() as file, servers.running(server) as (process, port):
        servers.warm(port, shape.sockets, shape.in_flight)
        recorder = subprocess.Popen(
            ["perf", "record", "-q", "-g", "-k", "mono", "-e", "cpu-clock", "-F", str(FREQUENCY), "-C",
             str(servers.SERVER_CPU), "-o", file.name],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # perf takes a while to begin, and dgramd needs a second of load to do without timestamps.
        servers.load(port, shape.sockets, CALM_SECONDS, in_flight=shape.in_flight)
        begin = time.monotonic()
        said = servers.load(port, shape.sockets, SECONDS, in_flight=shape.in_flight)
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        if os.path.getsize(file.name) == 0:
            raise SystemExit("perf recorded nothing: a whole core is looked at by root alone")
        counts = collections.Counter(doing(chain) for chain in samples(file.name, process.pid, begin))
    answered = said["answered"] + said["late"]
    return {name: count / FREQUENCY / answered * 1e9 for name, count in counts.items()}


def main():
    parts = ["# Where the CPU time of an echo goes", "",
             f"{made_by('make profile')} Nanoseconds of the server's CPU time a request, by perf(1) with "
             f"{FREQUENCY} samples a second, which themselves cost some: compare columns, not with other "
             "tables.", ""]
    names = ["own code", "libraries", "reading the clock", *(name for name, _ in DOINGS),
             "kernel: other"]
    for shape in SHAPES:
        columns = [measure(server, shape) for server in SERVERS]
        parts += [f"## {shape.words()}", "", *table(
            ("", *(server.name for server in SERVERS)),
            [[name, *(f"{column.get(name, 0):.0f}" for column in columns)] for name in names] +
            [["all", *(f"{sum(column.values()):.0f}" for column in columns)]])]
    markdown = "\n".join(parts).rstrip() + "\n"
    keep({"profile.md": markdown})
    print(markdown)


main()
