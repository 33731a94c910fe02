"""Handlers as children of dgramd, those in Python beside socketserver's own classes. CPU time is that of a server and all of
its children. Writes a table to tests/bench/results, and prints it. From the environment: TURNS, SECONDS_EACH (a run).
The exit code is 1 if a figure is missed."""

import collections
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time

import dgramtest
import servers
from report import keep, made_by, table

TURNS = int(os.environ.get("TURNS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "2"))
BURN_US, WAIT_US, WAITING = 200, 10000, 64
START_SECONDS = 60  # 64 Pythons

HANDLER = """
import sys, time
sys.path[:0] = [{library!r}]
import {module} as socketserver

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request[0] == b"ready?":
            self.request[1].sendto(b"ready?", self.client_address)
            return
        {work}
        self.request[1].sendto(time.ctime().encode(), self.client_address)

socketserver.{name}(("127.0.0.1", {port}), Handler).serve_forever()
"""
WORK = {
    "time": "pass",
    "burn": f"end = time.thread_time() + {BURN_US / 1e6}\n        while time.thread_time() < end: pass",
    "wait": f"time.sleep({WAIT_US / 1e6})",
}


def program(module, name, work, port):
    library = os.path.join(dgramtest.TOP, "src/process")
    text = HANDLER.format(library=library, module=module, name=name, work=WORK[work], port=port)
    return [sys.executable, "-c", text]


def peer(name, work):
    return servers.Server(name, program("socketserver", name, work, "PORT"))


def children(work, count):
    command = json.dumps(program("dgramserver", "UDPServer", work, 0))
    return servers.Server(f"dgramd, {count} children", servers.dgramd(
        "handler=exec", "options.mode=binary", f"options.command={command}", f"pool.workers={count}",
        "child.start_timeout_ms=60000", "max_reply_factor=0"))


def once():
    return servers.Server("dgramd, a process a request", servers.dgramd(
        "handler=exec", f'options.command=["{os.path.abspath(os.path.join(servers.PEERS, "time_once"))}"]',
        "max_reply_factor=0"))


def tree(pid):
    """A process and those that it made."""
    pids = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            pids += map(int, file.read().split())
    return pids


def cpu_of(pids):
    return sum(map(servers.cpu_seconds, pids))


def started(pid):
    """A process and those that it made, once all of them are: when they do nothing for half a second. Those that a
    request had are gone by then."""
    before, pids = -1, [pid]
    while True:
        try:
            now = cpu_of(pids)
            if now - before <= 0.01:
                return pids
        except FileNotFoundError:
            now = -1
        before, pids = now, tree(pid)
        time.sleep(0.5)


def run(server, cpus, sockets, in_flight):
    """CPU microseconds a request, and requests a second."""
    own, generator = cpus
    with servers.running(server, own, START_SECONDS) as (process, port):
        pids = started(process.pid)
        servers.warm(port, sockets, in_flight, generator)
        before = cpu_of(pids)
        said = servers.load(port, sockets, SECONDS, in_flight=in_flight, cpu=generator)
        cpu = cpu_of(pids) - before
        if not set(pids) <= set(tree(process.pid)):
            raise SystemExit(f"{server.name}: a child ended")
        return {"cpu": cpu / said["answered"] * 1e6, "rate": said["rate_answered"]}


def sleepers():
    """Sleeps a second."""
    return {"rate": float(subprocess.run(
        [os.path.join(servers.PEERS, "sleepers"), str(WAITING), str(WAIT_US), f"{SECONDS:g}"],
        check=True, capture_output=True, text=True).stdout)}


APART, TOGETHER = (servers.SERVER_CPU, servers.GENERATOR_CPU), (None, None)


def runs(ours, theirs, cpus, load=(16, 16)):
    return (lambda: run(ours, cpus, *load)), (lambda: run(theirs, cpus, *load))


def pair(work, count, name, cpus):
    return runs(children(work, count), peer(name, work), cpus)


# What is measured: words, placed on, wanted (at most, or at least), the two of a pair.
FIGURES = (
    ("process mode, 2 children: CPU, times the pool with a handler that may block", "a core each", "cpu", 1.25,
     runs(dataclasses.replace(servers.MAY_BLOCK, words=[*servers.MAY_BLOCK.words, "--set", "concurrency=process"]),
          servers.MAY_BLOCK, APART)),
    ("a process a request, in C and static: CPU, times ForkingUDPServer", "both cores", "cpu", 0.55,
     runs(once(), peer("ForkingUDPServer", "time"), TOGETHER)),
    ("TimeHandler, 1 child: CPU, times UDPServer", "a core each", "cpu", 0.85,
     pair("time", 1, "UDPServer", APART)),
    ("TimeHandler, 1 child: CPU, times ThreadingUDPServer", "both cores", "cpu", 0.1,
     pair("time", 1, "ThreadingUDPServer", TOGETHER)),
    (f"burns {BURN_US} us, 2 children: requests/s, times ThreadingUDPServer", "both cores", "rate", 1.7,
     pair("burn", 2, "ThreadingUDPServer", TOGETHER)),
    (f"waits {WAIT_US // 1000} ms, {WAITING} children: requests/s, times {WAITING} sleepers", "both cores", "rate", 0.9,
     ((lambda: run(children("wait", WAITING), TOGETHER, WAITING, 4)), sleepers)),
)


def measure():
    pairs = collections.defaultdict(list)
    for turn in range(TURNS):
        for words, _, what, _, (ours, theirs) in FIGURES:
            values = ours()[what], theirs()[what]
            pairs[words].append(values)
            print(f"turn {turn + 1} of {TURNS}: {words}: {values[0]:.2f} / {values[1]:.2f}",
                  file=sys.stderr, flush=True)
    return pairs


def row(words, placed, what, wanted, values):
    ratios = [ours / theirs for ours, theirs in values]
    middle = statistics.median(ratios)
    reached = middle <= wanted if what == "cpu" else middle >= wanted
    bound = "at most" if what == "cpu" else "at least"
    return [words, placed, f"{bound} {wanted:.2f}", f"{middle:.3f}", f"{min(ratios):.3f} - {max(ratios):.3f}",
            *(f"{statistics.median(column):,.1f}" for column in zip(*values)), "yes" if reached else "**no**"]


def main():
    pairs = measure()
    rows = [row(words, placed, what, wanted, pairs[words]) for words, placed, what, wanted, _ in FIGURES]
    command = " ".join(["make bench-children", *(
        f"{name}={os.environ[name]}" for name in ("TURNS", "SECONDS_EACH") if os.environ.get(name))])
    markdown = "\n".join([
        "# Children", "",
        f"{made_by(command)} A closed loop over loopback from 16 clients with 16 requests in flight each; "
        f"for handlers that wait, from {WAITING} with 4 each. CPU time is that of the server and all of its "
        "children, in microseconds a request. Ratios are of pairs of runs right after each other; medians; turns: "
        f"{TURNS}, runs of {SECONDS:g} s.", "",
        "## Figures to reach", "",
        *table(("figure", "server and generator on", "wanted", "measured", "least - most", "dgramd", "the other",
                "reached"), rows)]).rstrip() + "\n"
    keep({"children.md": markdown})
    print(markdown)
    sys.exit(0 if all(row[-1] == "yes" for row in rows) else 1)


main()
