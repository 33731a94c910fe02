"""CPU time for an echo, of two servers that take turns, by bursts: a server is stopped, 256 datagrams are
sent to it, it continues, and counts until all are answered. In a closed loop the server that is quicker finds
fewer datagrams at once, which hides what it saved; here both find the same. Prints a table. From the
environment: BASE, another dgramd (the same one), SETTINGS and BASE_SETTINGS (`NAME=VALUE ...`), NETWORK (127.0.0), of
which .1 is the server and the others are clients, BURSTS (160), PAIRS (7). What loopback addresses are spared costs in
another network, whose addresses lo has to have."""

import dataclasses
import itertools
import os
import signal
import socket
import statistics
import struct
import time

import servers
from report import made_by, table

BASE = os.environ.get("BASE")
NETWORK = os.environ.get("NETWORK") or "127.0.0"
BURSTS = int(os.environ.get("BURSTS", "160"))
PAIRS = int(os.environ.get("PAIRS", "7"))
SHAPES = ((16, 16), (256, 1))
QUIET_SECONDS, AT_MOST_SECONDS = 0.0003, 0.05
numbers = itertools.count()


def words(server, path, settings):
    settings = [word for each in os.environ.get(settings, "").split() for word in ("--set", each)]
    return dataclasses.replace(server, words=[path or server.words[0], *server.words[1:], *settings])


def clients(port, count):
    made = []
    for i in range(count):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((f"{NETWORK}.{2 + i % 250}", 0))
        client.settimeout(0.5)
        client.connect((f"{NETWORK}.1", port))
        made.append(client)
    return made


def used_when_quiet(pid):
    """CPU time once it does not grow any more."""
    limit = time.monotonic() + AT_MOST_SECONDS
    before, now = -1, servers.cpu_seconds(pid)
    while before != now and time.monotonic() < limit:
        time.sleep(QUIET_SECONDS)
        before, now = now, servers.cpu_seconds(pid)
    return now


def answered(client, each):
    for i in range(each):
        try:
            client.recv(100)
        except TimeoutError:
            return i
    return each


def burst(pid, burst_clients, each):
    """Microseconds for a datagram, or None where one was lost. All payloads differ, or they would be
    taken for a loop."""
    os.kill(pid, signal.SIGSTOP)
    before = servers.cpu_seconds(pid)
    for _ in range(each):
        for client in burst_clients:
            client.send(struct.pack("<Q24x", next(numbers)))
    os.kill(pid, signal.SIGCONT)
    replies = sum(answered(client, each) for client in burst_clients)
    used = used_when_quiet(pid) - before
    return used * 1e6 / replies if replies == each * len(burst_clients) else None


def pair(base, ours, sockets, each):
    """The median of each, base first. The first half of the bursts warms up."""
    with servers.running(base) as (one, one_port), servers.running(ours) as (other, other_port):
        sides = [(one.pid, clients(one_port, sockets), []), (other.pid, clients(other_port, sockets), [])]
        for i in range(BURSTS):
            for pid, side_clients, costs in sides if i % 2 else reversed(sides):
                cost = burst(pid, side_clients, each)
                if cost is not None and i >= BURSTS // 2:
                    costs.append(cost)
        for _, side_clients, _ in sides:
            for client in side_clients:
                client.close()
        return [statistics.median(costs) for _, _, costs in sides]


def main():
    if servers.GENERATOR_CPU is not None:
        os.sched_setaffinity(0, {servers.GENERATOR_CPU})
    rows = []
    for server in servers.POOL, servers.MAY_BLOCK, servers.INLINE:
        for sockets, each in SHAPES:
            sides = words(server, BASE, "BASE_SETTINGS"), words(server, None, "SETTINGS")
            pairs = [pair(*sides, sockets, each) for _ in range(PAIRS)]
            ratios = sorted(ours / base for base, ours in pairs)
            base_us, ours_us = (statistics.median(side) for side in zip(*pairs))
            rows.append([server.name, f"{sockets} x {each}", f"{base_us:.2f}", f"{ours_us:.2f}",
                         f"{statistics.median(ratios):.3f}", f"{ratios[0]:.3f} - {ratios[-1]:.3f}"])
            print(" ".join(rows[-1]), flush=True)
    print(made_by("make bench-bursts"), "", *table(
        ["server", "load", "base: us an echo", "this one: us an echo", "ratio, median of pairs", "least - most"],
        rows), sep="\n")


main()
